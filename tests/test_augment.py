"""Augmentations: what they do to images, and that image k is a function of its own seed alone."""

import pickle
from functools import partial
from itertools import islice

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates
from toolz import concat

from scratchmlp import affine, compose, elastic, gaussian_noise, image_seeds, minibatches
from scratchmlp.core.data.warps import interpolated
from scratchmlp.core.randomness import normals, uniforms
from scratchmlp.workers import threads

rng = np.random.default_rng(0)
X = np.asfortranarray(rng.random((30, 40), dtype=np.float32))  # of 5 x 6 pixels
SHAPE = 5, 6
DISTORTIONS = {
    "affine": affine(rotation=20, scale=0.2, shear=0.2, shift=1, shape=SHAPE),
    "elastic": elastic(sigma=2, alpha=8, shape=SHAPE),
    "gaussian noise": gaussian_noise(0.1),
    "composed": compose(
        affine(rotation=20, shift=1, shape=SHAPE),
        elastic(sigma=1, shape=SHAPE),
        gaussian_noise(0.1),
    ),
}
image = np.arange(1.0, 13).reshape(3, 4)


def exactly(**ranges):
    """What one certain affine map makes of the image."""
    fixed = {name: (value, value) for name, value in ranges.items()}
    return affine(**fixed, shape=image.shape)(image.reshape(-1, 1), 0).reshape(image.shape)


def test_a_shift_is_to_the_right_and_down():
    moved = np.zeros_like(image)
    moved[1:, 1:] = image[:-1, :-1]
    np.testing.assert_array_equal(exactly(shift=1.0), moved)


def test_half_a_shift_is_the_mean_of_neighbours():
    framed = np.pad(image, ((1, 0), (1, 0)))
    corners = framed[:-1, :-1] + framed[:-1, 1:] + framed[1:, :-1] + framed[1:, 1:]
    np.testing.assert_allclose(exactly(shift=0.5), corners / 4, rtol=1e-6)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_quarter_turn_is_counterclockwise(turns):
    square = rng.random((6, 6))
    turn = affine(rotation=(90.0 * turns, 90.0 * turns))
    # Places are wrong by the rounding of a cosine in float32, and pixels as much.
    np.testing.assert_allclose(
        turn(square.reshape(-1, 1), 0).reshape(6, 6), np.rot90(square, turns), atol=1e-5
    )


def test_a_scale_of_two_shows_the_middle_twice_as_large():
    ramp = np.add.outer(np.arange(7.0), 10 * np.arange(7.0))
    twice = affine(scale=(2, 2))(ramp.reshape(-1, 1), 0).reshape(7, 7)
    middle = np.arange(1.5, 5, 0.5)
    np.testing.assert_allclose(twice, np.add.outer(middle, 10 * middle), rtol=1e-6)


def test_a_shear_slants_to_the_right_as_italics_do():
    bar = np.zeros((5, 5))
    bar[:, 2] = 1
    slanted = affine(shear=(1, 1))(bar.reshape(-1, 1), 0).reshape(5, 5)
    np.testing.assert_allclose(slanted, np.fliplr(np.eye(5)), atol=1e-6)


def test_the_order_is_scale_then_shear_then_rotation_then_shift():
    corner = np.zeros((9, 9))
    corner[2, 4] = 1  # two above the middle
    chosen = {"scale": 1.5, "shear": 1.0, "rotation": 90.0, "shift": 1.0}
    done = affine(**{name: (value, value) for name, value in chosen.items()})
    # Scaled it is 3 above, sheared 3 to the right too, turned 3 to the left instead of that, and
    # the shift takes one off both.
    found = done(corner.reshape(-1, 1), 0).reshape(9, 9)
    assert np.unravel_index(found.argmax(), found.shape) == (4 - 3 + 1, 4 - 3 + 1)


def test_nothing_is_done_by_nothing():
    for each in (affine(shape=SHAPE), elastic(alpha=0, shape=SHAPE), gaussian_noise(0)):
        np.testing.assert_allclose(each(X, 0), X, rtol=1e-6)


def test_outside_an_image_is_zero():
    far = affine(shift=(100, 200), shape=SHAPE)
    assert not far(X, 0).any()


def test_interpolation_is_that_of_scipy():
    images = rng.random((3, 4, 7))
    places = rng.uniform(-6, 6, size=(3, 2, 4, 7))
    found = interpolated(images, places)
    centre = np.array([1.5, 3.0])[:, np.newaxis, np.newaxis]
    for image, each, result in zip(images, places, found, strict=True):
        expected = map_coordinates(image, each + centre, order=1, mode="grid-constant")
        np.testing.assert_allclose(result, expected, atol=1e-12)


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.5, 1.0, 3.0, 4.0])
def test_an_elastic_field_has_the_covariance_of_smoothed_noise(sigma):
    """Of uniform noise at each pixel, of variance alpha^2 / 3, smoothed by SciPy's Gaussian.

    The fields are read off a ramp, which shows where its pixels come from, far from the frame.
    """
    alpha, m, side = 20.0 * max(sigma, 0.3), 4000, 41
    ramp = np.tile(np.arange(float(side)), (side, 1)).reshape(-1, 1)
    distorted = elastic(sigma=sigma, alpha=alpha)(np.tile(ramp, m), 0)
    fields = (distorted - ramp).T.reshape(m, side, side)[:, 20, 15:26]
    impulse = np.zeros((101, 101))
    impulse[50, 50] = alpha / np.sqrt(3)
    kernel = gaussian_filter(impulse, sigma)
    expected = [(kernel * np.roll(kernel, d, axis=1)).sum() for d in range(6)]
    found = [(fields[:, 5 - d] * fields[:, 5]).mean() for d in range(6)]
    # A mean of 4000 products has a standard error of at most sqrt(2 / 4000) = 2.2 %.
    np.testing.assert_allclose(found, expected, atol=4 * 0.022 * expected[0])
    assert abs(fields.mean()) < 4 * np.sqrt(expected[0] / m)


def test_an_elastic_field_has_the_same_strength_at_the_border_as_inside():
    ramp = np.tile(np.arange(28.0), (28, 1)).reshape(-1, 1) + 100
    fields = elastic(sigma=4, alpha=20)(np.tile(ramp, 2000), 0) - ramp
    deviations = fields.reshape(28, 28, -1).std(axis=2)[5:-5, 5:-5]  # further than any pixel goes
    assert deviations.max() / deviations.min() < 1.15  # the standard error of each is 1.6 %


def test_noise_is_normal():
    noise = gaussian_noise(0.5)(np.zeros((101, 5000), np.float32), 3)
    m = noise.size
    # The standard errors of the first four moments of normal numbers.
    assert abs(noise.mean()) < 4 * 0.5 / np.sqrt(m)
    scaled = noise.astype(float) / 0.5
    assert abs((scaled**2).mean() - 1) < 4 * np.sqrt(2 / m)
    assert abs((scaled**3).mean()) < 4 * np.sqrt(15 / m)
    assert abs((scaled**4).mean() - 3) < 4 * np.sqrt(96 / m)
    neighbours = (scaled[1:] * scaled[:-1]).mean(), (scaled[:, 1:] * scaled[:, :-1]).mean()
    assert max(map(abs, neighbours)) < 4 / np.sqrt(m)


def test_random_numbers_are_uniform_and_differ_from_seed_to_seed():
    numbers = uniforms(image_seeds(0, 0, np.arange(200_000)), 5)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = np.apply_along_axis(np.bincount, 0, (numbers * 100).astype(int))
    # Chi-square of 99 degrees of freedom: deviation 14.
    chi_square = ((counts - 2000) ** 2 / 2000).sum(axis=0)
    assert (abs(chi_square - 99) < 5 * 14).all()
    together = np.corrcoef(np.vstack([numbers.T, np.roll(numbers, 1, axis=0).T]))
    assert abs(together - np.eye(10)).max() < 5 / np.sqrt(200_000)
    assert abs(normals(np.arange(9, dtype=np.uint64), 7)).max() < 6


@pytest.mark.parametrize("name", DISTORTIONS)
def test_an_image_is_a_function_of_its_seed_alone(name):
    """Bit for bit, whatever images are beside it."""
    distort = DISTORTIONS[name]
    seeds = image_seeds(3, 5, np.arange(40))
    whole = distort(X, seeds)
    for places in ([7], [39, 2, 11], rng.permutation(40)):
        np.testing.assert_array_equal(distort(X[:, places], seeds[places]), whole[:, places])
    assert len({column.tobytes() for column in distort(np.tile(X[:, :1], 40), seeds).T}) == 40


@pytest.mark.parametrize("name", DISTORTIONS)
def test_tiles_make_no_difference(name, monkeypatch):
    whole = DISTORTIONS[name](X, 0)
    for pixels in (1, 100, 400):
        monkeypatch.setattr("scratchmlp.core.data.augment.MOST_PIXELS", pixels)
        np.testing.assert_array_equal(DISTORTIONS[name](X, 0), whole)


def test_an_integer_seed_is_that_of_the_images_in_order():
    distort = DISTORTIONS["composed"]
    np.testing.assert_array_equal(distort(X, 7), distort(X, image_seeds(7, 0, np.arange(40))))
    assert (distort(X, 7) != distort(X, 8)).any()


def test_epochs_and_seeds_have_numbers_of_their_own():
    all_seeds = [image_seeds(s, e, np.arange(100)) for s in range(3) for e in range(3)]
    assert len({*concat(each.tolist() for each in all_seeds)}) == 900


@pytest.mark.parametrize("name", DISTORTIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int16])
def test_examples_of_any_dtype_and_order(name, dtype):
    pixels = (255 * X).astype(dtype)
    expected = DISTORTIONS[name](pixels.astype(np.float64), 0)
    for order in "CF":
        found = DISTORTIONS[name](np.asarray(pixels, order=order), 0)
        assert found.dtype == (np.float64 if dtype == np.float64 else np.float32)
        assert found.flags.f_contiguous
        # 1e-5 of a pixel's way between values of up to 255.
        np.testing.assert_allclose(found, expected, atol=1e-5 * 255)


def test_composed_warps_are_one_after_the_other():
    """The two blur twice where the composed one blurs once, so on a smooth image they agree."""
    line = np.linspace(-5, 5, 101)
    rows, columns = np.meshgrid(line, line, indexing="ij")
    smooth = np.exp(-(rows**2) - (columns - 0.3) ** 2).reshape(-1, 1)
    first, second = affine(rotation=(40, 40), scale=(1.3, 1.3)), affine(shift=(3, 3), shear=(1, 1))
    both = compose(first, second)(smooth, 0)
    # Bilinear interpolation is wrong by an eighth of the curvature: 2 / 8 of a hundredth, twice.
    np.testing.assert_allclose(both, second(first(smooth, 0), 0), atol=0.005)
    other_way = compose(second, first)(smooth, 0)
    assert abs(both - other_way).max() > 0.1


def test_the_parts_of_a_composition_have_seeds_of_their_own():
    noise = gaussian_noise(1.0)
    zeros = np.zeros((1000, 1))
    twice = compose(noise, noise)(zeros, 0)
    # Two different ones have the variance 2, the same one twice 4; standard error 0.09.
    assert abs(twice.var() - 2) < 0.4


def test_a_composition_may_be_composed():
    turn, bend, noise = affine(rotation=9, shape=SHAPE), elastic(shape=SHAPE), gaussian_noise(0.1)
    flat = compose(turn, bend, noise)
    for nested in (compose(compose(turn, bend), noise), compose(turn, compose(bend, noise))):
        np.testing.assert_array_equal(nested(X, 0), flat(X, 0))


def inverted(X, seeds):
    return 1 - X


def test_ones_own_function_in_a_composition():
    np.testing.assert_array_equal(compose(inverted)(X, 0), 1 - X)
    both = compose(inverted, gaussian_noise(0.0))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(both))(X, 0), 1 - X)


@pytest.mark.parametrize("name", DISTORTIONS)
def test_augmentations_pickle(name):
    again = pickle.loads(pickle.dumps(DISTORTIONS[name]))
    np.testing.assert_array_equal(again(X, 0), DISTORTIONS[name](X, 0))


y = np.arange(40)


def batches(count, **options):
    return [*islice(minibatches(X, y, size=7, seed=3, **options), count)]


@pytest.mark.parametrize("name", DISTORTIONS)
def test_a_batch_of_distorted_images_is_a_function_of_its_number(name):
    whole = batches(20, augment=DISTORTIONS[name])
    with threads(2) as map:
        mapped = batches(20, augment=DISTORTIONS[name], map=map)
    rest = batches(9, augment=DISTORTIONS[name], start=11)
    for one, other in [*zip(whole, mapped, strict=True), *zip(whole[11:], rest, strict=True)]:
        np.testing.assert_array_equal(one.X, other.X)
        np.testing.assert_array_equal(one.y, other.y)


def test_batches_hold_what_the_seeds_of_epoch_and_example_give():
    distort = DISTORTIONS["composed"]
    for number, batch in enumerate(batches(14, augment=distort)):
        seeds = image_seeds(3, number // 6, batch.y)
        np.testing.assert_array_equal(batch.X, distort(X[:, batch.y], seeds))
        assert not batch.X.flags.writeable


def test_no_more_batches_are_made_than_wait():
    made = []

    def noted(X, seeds):
        made.append(len(made))
        return X

    with threads(1) as map:
        for number, _ in enumerate(islice(minibatches(X, y, size=7, augment=noted, map=map), 50)):
            assert len(made) <= number + 1 + 2


ERRORS = {
    "no square": (
        partial(affine(shift=1), X, 0),
        "augmentation: X has 30 rows.* not square",
    ),
    "another shape": (
        partial(affine(shape=(5, 5)), X, 0),
        r"augmentation: X has 30 rows, so its images are not of shape \(5, 5\)",
    ),
    "one dimension": (partial(gaussian_noise(1), X[0], 0), "augmentation: X must have shape"),
    "a negative seed": (
        partial(gaussian_noise(1), X, -1),
        "augmentation: seed must be at least 0",
    ),
    "too few seeds": (
        partial(gaussian_noise(1), X, image_seeds(0, 0, y[1:])),
        r"augmentation: seed must be of 40 examples, not of shape \(39,\)",
    ),
    "a function that loses examples": (
        partial(compose(lambda X, seeds: X[:, 1:]), X, 0),
        "augmentation: an augmentation must give an array of shape",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_does_not_fit_is_an_error(case):
    call, message = ERRORS[case]
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_seeds_of_another_kind_are_an_error():
    with pytest.raises(TypeError, match="seed must be an integer or image_seeds, not int"):
        elastic(shape=SHAPE)(X, y)
    with pytest.raises(TypeError, match="augmentation: seed must be an integer, not str"):
        elastic(shape=SHAPE)(X, "abc")


@pytest.mark.parametrize(
    "most",
    [
        affine(rotation=1e6, scale=(1e-6, 1e6), shear=1e6, shift=1e6, shape=SHAPE),
        elastic(sigma=1e-6, alpha=1e6, shape=SHAPE),
        elastic(sigma=1e6, alpha=1e6, shape=SHAPE),
        gaussian_noise(1e6),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_numbers_that_are_taken_give_finite_images(most, dtype):
    assert np.isfinite(most(X.astype(dtype), 0)).all()


def test_a_partial_of_an_augmentation_is_a_function_of_ones_own():
    fixed = partial(affine(shift=1, shape=SHAPE), seed=3)
    with pytest.raises(TypeError, match="multiple values for argument 'seed'"):
        compose(fixed)(X, 0)


def test_a_batch_that_an_augmentation_spoils_is_an_error():
    with pytest.raises(ValueError, match="^minibatches: augment must give an array of shape"):
        batches(1, augment=lambda X, seeds: X[1:])
