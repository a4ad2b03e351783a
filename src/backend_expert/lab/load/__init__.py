"""What happens to latency, errors and recovery under a peak or a fault."""
