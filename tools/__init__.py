"""What only a maintainer runs: locking requirements and making a release."""
