"""Legacy stock (存量证照): rows of old systems read, judged, put right or aside, sampled, released, and proved to the last one (DOMAIN §2f)."""
