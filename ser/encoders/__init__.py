"""Pretrained audio encoders of transformers in place of the MFCC-LSTM."""
