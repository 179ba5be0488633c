"""The accurate model as a recogniser: lower layers of a Whisper encoder with an ensemble of heads."""

from typing import ClassVar

from ser.modeling_mfcc_lstm import MfccLstmPreTrainedModel
from ser.modeling_whisper_lstm import WhisperLstmForAudioClassification
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer


class WhisperLstmRecognizer(MfccLstmRecognizer):
    """A Whisper-LSTM and its feature extractor, which is of the MFCC-LSTM's family."""

    model_class: ClassVar[type[MfccLstmPreTrainedModel]] = WhisperLstmForAudioClassification
