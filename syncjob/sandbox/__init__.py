"""The Partner Center Referrals API, imitated: requests in, answers and misfortunes out; it knows nothing of syncjob."""
