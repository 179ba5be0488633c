"""What makes a release: the steps in their order, what each has done, and what would be published."""
