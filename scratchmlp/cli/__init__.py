"""The command line: `options` are read by `parsers` into `settings`, which are `checked`, and
`commands` do what these ask for.

To train, `training` has `data` loaded and `builders` make what is to be trained; `runs` goes
through the states, and saves them by `commits` in a folder, of which `folders` knows the files.
"""
