"""Federated training on skewed data, simulated with TFF: Zhao et al. 2018, arXiv 1806.00582."""
