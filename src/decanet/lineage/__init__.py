"""The timeline of the decade: what each network brought, its table and figures."""
