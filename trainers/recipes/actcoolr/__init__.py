"""ActCooLR compared with schedules that need a tuned rate (H Table 3.2, 3.1, Fig 3.8, 3.10, 3.22)."""
