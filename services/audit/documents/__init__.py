"""Answers as documents that people take home, and that anyone can have confirmed later."""
