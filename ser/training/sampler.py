"""The order in which training clips are drawn."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch


class CorpusSampler(torch.utils.data.Sampler[int]):
    """Draws each corpus by its share, in batches of similar length, which saves a third of the padding.

    The batches come in random order, so that batch normalisation does not end on the shortest clips, as it
    would with the sampler of transformers. The seed and the epoch alone decide the order: a resumed training
    draws the same batches as one that was never interrupted.

    Args:
        lengths: Length of each row.
        batch_size: Rows a batch.
        seed: Seed of the order.
        corpora: The corpus of each row.
        shares: Share of each corpus in the draws, whatever its number of rows.
    """

    NUM_BATCHES_SORTED = 8  # sorted together; more means less padding, but batches that are more alike

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        seed: int,
        corpora: Sequence[str],
        shares: Mapping[str, float],
    ) -> None:
        self.lengths = np.asarray(lengths)
        self.rows_of_corpus = {corpus: np.flatnonzero(np.asarray(corpora) == corpus) for corpus in shares}
        self.shares = shares
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; the Trainer calls this before each one."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self.seed, self.epoch))
        rows = self._draw(rng)
        num_in_batches = len(rows) // self.batch_size * self.batch_size
        rows, rest = rows[:num_in_batches], rows[num_in_batches:]
        for start in range(0, num_in_batches, size := self.NUM_BATCHES_SORTED * self.batch_size):
            part = rows[start : start + size]
            rows[start : start + size] = part[np.argsort(self.lengths[part], kind="stable")]
        yield from rng.permutation(rows.reshape(-1, self.batch_size)).ravel().tolist()
        yield from rest.tolist()

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """Draw as many rows as there are: each corpus by its share, no row twice before all were drawn."""
        drawn = []
        for corpus, rows in self.rows_of_corpus.items():
            num_rows = round(self.shares[corpus] * len(self.lengths))
            num_passes = -(-num_rows // len(rows))
            drawn.append(np.concatenate([rng.permutation(rows) for _ in range(num_passes)])[:num_rows])
        rows = rng.permutation(np.concatenate(drawn))
        return np.resize(rows, len(self.lengths))  # one more or less by rounding
