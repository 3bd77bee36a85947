"""Given-when-then for mentorships."""
