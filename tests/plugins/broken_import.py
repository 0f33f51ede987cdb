"""Cannot be imported."""

import a_library_that_is_not_there  # type: ignore[import-not-found]  # noqa: F401 - it is meant to fail
