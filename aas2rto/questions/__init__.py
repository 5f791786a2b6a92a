"""What people ask of the stored state: explain, whatif, plan, figure; nothing is stored."""
