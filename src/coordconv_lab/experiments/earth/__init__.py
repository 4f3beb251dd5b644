"""Parts shared by the experiments on maps of the earth: climate and tiles."""
