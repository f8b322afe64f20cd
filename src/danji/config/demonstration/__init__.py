"""The demonstration: a made-up complex that takes real documents along the whole path."""
