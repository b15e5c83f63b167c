"""The copy test finds copies that somebody degraded, and takes few new designs for copies."""
