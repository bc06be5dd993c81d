"""Trainings of networks under learning rate schedules."""
