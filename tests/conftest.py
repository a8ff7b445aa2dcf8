"""What every folder of tests may ask for, and how hard Hypothesis looks: HYPOTHESIS_PROFILE=quick, default or soak."""

import os

from hypothesis import settings

pytest_plugins = ("desk",)

settings.register_profile("default", deadline=None, max_examples=30, derandomize=True)
settings.register_profile("quick", deadline=None, max_examples=10, derandomize=True)
settings.register_profile("soak", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
