"""ActCooLR beside schedules that need a rate (H Table 3.2, 3.1, Fig 3.8, 3.10, 3.22)."""
