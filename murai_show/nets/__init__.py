"""The networks: plain `nn.Module`s, no files, no devices, no knowledge of shows."""
