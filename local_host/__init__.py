"""Hosts the Functions app of this repository on one machine, without Azure and without Core Tools."""
