"""Parts shared by the experiments that classify crops at known places: signal and volume."""
