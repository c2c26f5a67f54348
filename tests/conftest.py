"""What every test shares: one hypothesis profile, random but repeatable by the printed seed."""

from hypothesis import HealthCheck, settings

settings.register_profile("tests", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
settings.load_profile("tests")
