"""Parts shared by the experiments that classify crops at known positions: signal and volume."""
