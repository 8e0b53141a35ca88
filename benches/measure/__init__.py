"""What benches/targets is made of: servers that it starts, loads that it puts on them, figures that it tells, and its steps."""
