"""What a lesson's locked cells import."""
