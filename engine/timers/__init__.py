"""Time: schedules and when they fire, and the wheel that sleeps until then."""
