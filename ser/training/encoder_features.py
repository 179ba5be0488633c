"""The output of a frozen encoder for clips and their augmented copies, computed once and kept on disk.

One file a speaker and copy holds the steps of all the speaker's clips in float16. Its name is a fingerprint
of all that decides its content, so that any training, fold or seed that needs it finds it again.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ser.audio import load_audio
from ser.feature_extraction_whisper_lstm import WhisperLstmFeatureExtractor
from ser.modeling_whisper_lstm import WhisperLstmForAudioClassification
from ser.training.augmentation import ALL_CHANNELS, augment_waveform

FORMAT = 1  # raise it when the code that changes or encodes clips does something else
MAX_MARGIN_SECONDS = 1.0  # of what surrounds the speech in a changed copy


class EncoderFeatures:
    """Encoder steps of clips, read from files or computed and kept.

    Args:
        model: Gives `encode`; its heads are not used.
        feature_extractor: Prepares waveforms.
        cache_dir: Where the files are.
        seed: Seed of the changed copies.
    """

    def __init__(
        self,
        model: WhisperLstmForAudioClassification,
        feature_extractor: WhisperLstmFeatureExtractor,
        cache_dir: str | os.PathLike[str],
        seed: int = 0,
    ):
        self.model = model.eval()
        self.feature_extractor = feature_extractor
        self.cache_dir = Path(cache_dir)
        self.seed = seed
        self.fingerprint = fingerprint(model, feature_extractor)

    def of_speaker(self, files: Sequence[bytes], copy: int) -> list[torch.Tensor]:
        """Return the steps of one speaker's clips, each float16 `(num_steps, C)`, mapped from disk.

        Args:
            files: Contents of the audio files.
            copy: 0 for the clips as they are; from 1 on, a changed copy of each.
        """
        digests = [hashlib.sha256(content).hexdigest() for content in files]
        # A clip as it is depends on nothing else; a copy also on the seed, and on who babbles behind it.
        key = {"format": FORMAT, "encoder": self.fingerprint, "clips": digests, "copy": copy}
        if copy:
            key |= {"seed": self.seed, "recipe": asdict(ALL_CHANNELS)}
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
        file = self.cache_dir / f"{name}.safetensors"
        if not file.exists():
            self._compute(files, digests, copy, file)
        with safe_open(file, "pt") as kept:
            return list(kept.get_tensor("steps").split(kept.get_tensor("lengths").tolist()))

    def _compute(self, files: Sequence[bytes], digests: list[str], copy: int, file: Path) -> None:
        rate = self.feature_extractor.sampling_rate
        waveforms = [load_audio(content, rate) for content in files]
        if copy:
            waveforms = [
                self._changed(
                    waveform, np.random.default_rng((self.seed, int(digest[:12], 16), copy)), copy, waveforms
                )
                for waveform, digest in zip(waveforms, digests, strict=True)
            ]
        steps = [self.encode(waveform) for waveform in waveforms]
        self.cache_dir.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}.partial")
        lengths = torch.tensor([len(each) for each in steps])
        save_file({"steps": torch.cat(steps), "lengths": lengths}, temporary)
        temporary.replace(file)

    def _changed(
        self, waveform: np.ndarray, rng: np.random.Generator, copy: int, talkers: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Return an augmented copy, with some of the recording before and after the speech."""
        start, stop = self.feature_extractor.trim_bounds(torch.from_numpy(waveform))
        margins = rng.uniform(0.0, MAX_MARGIN_SECONDS, 2) * self.feature_extractor.sampling_rate
        waveform = waveform[max(0, start - int(margins[0])) : stop + int(margins[1])]
        return augment_waveform(
            waveform, self.feature_extractor.sampling_rate, rng, ALL_CHANNELS, copy - 1, talkers
        )

    @torch.inference_mode()
    def encode(self, waveform: np.ndarray) -> torch.Tensor:
        """Return the steps of one clip, float16 `(num_steps, C)`."""
        rate = self.feature_extractor.sampling_rate
        batch = self.feature_extractor(waveform, sampling_rate=rate, return_tensors="pt")
        steps, _ = self.model.encode(batch["input_features"], batch["attention_mask"])
        return steps[0].half()


def fingerprint(
    model: WhisperLstmForAudioClassification, feature_extractor: WhisperLstmFeatureExtractor
) -> str:
    """SHA-256 of the encoder's weights in float16 and of how clips are prepared and steps are taken."""
    settings = feature_extractor.to_dict()
    for name in ("auto_map", "feature_extractor_type"):  # set by saving
        settings.pop(name, None)
    settings |= {name: getattr(model.config, name) for name in ("used_layers", "frames_per_step")}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for name, weights in sorted(model.encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(weights.half().numpy().tobytes())
    return digest.hexdigest()
