"""The command line: options, settings, commands, runs, recipes and figures."""
