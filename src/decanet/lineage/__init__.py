"""The timeline of the decade: milestones, their speed on this machine, a table and figures."""
