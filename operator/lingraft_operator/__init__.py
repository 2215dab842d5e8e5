"""The Kubernetes operator: plans LanguageAdaptations and launches their stages as RayJobs."""
