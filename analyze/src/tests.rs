//! Each folder of `tests/golden/` is an analyzer, each file a case: objects, and the findings as comments at its end.
