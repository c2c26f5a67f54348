"""What every test shares: one hypothesis profile, and the two databases."""

from hypothesis import HealthCheck, settings

from tests.parts.databases import (  # noqa: F401 - fixtures, one session's worth for all folders
    clock,
    database,
    empty_database,
    migrated_file,
    migrated_postgres,
    postgres_address,
    vault,
)
from tests.world import demo_keys, world  # noqa: F401 - fixtures

settings.register_profile("tests", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
settings.load_profile("tests")
