"""Strict settings for every test: eight CPU devices, no silent rank promotion."""

import hypothesis
import jax
import jaxtyping
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")

# A first example compiles; how long that takes says nothing.
hypothesis.settings.register_profile("xattn", deadline=None, derandomize=True)
hypothesis.settings.load_profile("xattn")


@pytest.fixture
def no_jaxtyping():
    """Turns off the checks of annotations, which users do not have, so that a wrong call meets the library's own."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
