"""Booking: what a lab holds from the moment it is asked for, in one transaction with the job that makes it."""
