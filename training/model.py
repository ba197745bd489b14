"""The model: PaliGemma 2's architecture at a few million parameters, with transformers' parameters and a
forward pass of its own that is several times faster on a CPU (tests hold it equal to transformers')."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PaliGemmaConfig, PaliGemmaForConditionalGeneration

from training import targets, vocab
from training.render import PATCH
from training.targets import TILE

GRID = TILE // PATCH
SLOTS = 5  # characters the auxiliary loss can name in one patch
BOX_UNIT = 56.0  # pixels of the tile in one unit of the auxiliary boxes
PLACES = 16  # in a word; later characters count as the last
FLAGS = 5  # see render.Tile.characters
SLOT_OUTPUTS = vocab.CHARACTER_CLASSES + PLACES + FLAGS + 8  # with the boxes of the word and of the next one
DETAILS = 1 + FLAGS + 8
ATTENTION_CAP, FINAL_CAP = 50.0, 30.0  # soft-caps: on in stages 1 and 2, off in transfers (training/finetune.py)
LOCATION_BLUR = 5.0  # standard deviation of a location's target, of 1024: about a pixel


class Shape(NamedTuple):
    """The sizes that make up a model."""

    grid: int = GRID  # patches along a side of the picture
    vision_width: int = 192
    vision_layers: int = 6
    vision_heads: int = 3
    vision_mlp: int = 768
    text_width: int = 192
    text_layers: int = 4
    text_heads: int = 3
    text_kv_heads: int = 1
    head_dim: int = 64
    text_mlp: int = 512


def configuration(shape: Shape, soft_caps: bool = True) -> PaliGemmaConfig:
    """transformers' configuration of a shape."""
    return PaliGemmaConfig(
        vision_config=dict(
            model_type="siglip_vision_model",
            hidden_size=shape.vision_width,
            intermediate_size=shape.vision_mlp,
            num_hidden_layers=shape.vision_layers,
            num_attention_heads=shape.vision_heads,
            patch_size=PATCH,
            image_size=shape.grid * PATCH,
            vision_use_head=False,
            projection_dim=shape.text_width,
        ),
        text_config=dict(
            model_type="gemma2",
            vocab_size=vocab.SIZE,
            hidden_size=shape.text_width,
            intermediate_size=shape.text_mlp,
            num_hidden_layers=shape.text_layers,
            num_attention_heads=shape.text_heads,
            num_key_value_heads=shape.text_kv_heads,
            head_dim=shape.head_dim,
            query_pre_attn_scalar=shape.head_dim,
            sliding_window=4096,
            attn_logit_softcapping=ATTENTION_CAP if soft_caps else None,
            final_logit_softcapping=FINAL_CAP if soft_caps else None,
            hidden_activation="gelu_pytorch_tanh",
            pad_token_id=vocab.PAD,
            eos_token_id=vocab.EOS,
            bos_token_id=vocab.BOS,
        ),
        image_token_index=vocab.IMAGE,
        image_token_id=vocab.IMAGE,
        projection_dim=shape.text_width,
        hidden_size=shape.text_width,
        pad_token_id=vocab.PAD,
        eos_token_id=vocab.EOS,
        bos_token_id=vocab.BOS,
    )


def _sinusoids(positions: Tensor, longest: float, shortest: float, count: int) -> Tensor:
    rates = torch.exp(torch.linspace(math.log(2 * math.pi / longest), math.log(2 * math.pi / shortest), count))
    angles = positions[:, None].float() * rates[None]
    return torch.cat([torch.sin(angles), torch.cos(angles)], 1)


@torch.no_grad()
def initialise(net: PaliGemmaForConditionalGeneration) -> None:
    """Weights to start from: unit-variance embeddings, location embeddings and positions with an order
    to them, and decoder blocks whose outputs start small."""
    table = net.model.language_model.embed_tokens.weight
    width = table.shape[1]
    table.normal_(0, width**-0.5)
    ordered = _sinusoids(torch.arange(vocab.LOCATIONS), 2048, 12, width // 4)
    locations = table[vocab.FIRST_LOCATION : vocab.FIRST_LOCATION + vocab.LOCATIONS]
    locations[:, : width // 2] = ordered * (1.4 / width**0.5)
    locations[:, width // 2 :] *= 0.3
    for name, p in net.named_parameters():
        if "post_attention_layernorm" in name or "post_feedforward_layernorm" in name:
            p.fill_(-0.7)
        elif "language_model.layers" in name and p.ndim == 2:
            p.normal_(0, p.shape[1] ** -0.5)
    linear = net.model.multi_modal_projector.linear
    linear.weight.normal_(0, linear.in_features**-0.5)
    nn.init.zeros_(linear.bias)
    positions = net.model.vision_tower.embeddings.position_embedding.weight
    grid = math.isqrt(len(positions))
    axis = _sinusoids(torch.arange(grid) * (GRID / grid), 32, 2.5, positions.shape[1] // 4)
    both = torch.cat([axis[:, None].expand(grid, grid, -1), axis[None].expand(grid, grid, -1)], -1)
    positions.copy_(both.flatten(0, 1) * 0.5)


class Batch(NamedTuple):
    """Windows of tiles with everything the losses need. N is the number of patches of a window."""

    patches: Tensor  # float [B, N, 196], grey, in [-1, 1]
    first_row: Tensor  # int [B], of patches
    prompts: Tensor  # int [B, P], from <bos> to the newline, padded on the left
    tokens: Tensor  # int [B, T], answers with end token, padded
    classes: Tensor  # int [B, N * SLOTS], character classes
    slots: Tensor  # int [M], indices into all slots that name a character
    details: Tensor  # float [M, DETAILS]: place in the word, flags, boxes relative to the patch

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(t.to(device, non_blocking=True) for t in self))


class Rows(NamedTuple):
    """What the rows of a flat matrix are: the prefix of every sample, then the tokens of the answers, one answer after
    another. Padding, most of a batch of answers, costs nothing but in attention."""

    batch: int
    prefix: int
    longest: int  # of the answers
    places: Tensor | None = None  # int [M], where the answers' rows lie in [batch * longest]; None: they fill it
    hidden: Tensor | None = None  # bool [batch, prefix], padding of the prompts, which nobody sees; None: there is none

    def spread(self, x: Tensor) -> Tensor:
        """The answers' rows [M, width] at their places of [batch * longest, width]."""
        if self.places is None:
            return x
        return x.new_zeros(self.batch * self.longest, x.shape[1]).index_copy(0, self.places, x)

    def read(self, x: Tensor) -> Tensor:
        """The rows that predict a token: the last of each prefix, and the answers'."""
        if not self.prefix:
            return x
        start = self.batch * self.prefix
        ends = x[:start].view(self.batch, self.prefix, -1)[:, -1]
        return torch.cat([ends, x[start:]]) if self.longest else ends

    def unseen(self, queries: int, keys: int, device: torch.device) -> Tensor | None:
        """What the last `queries` of a sample do not see of its keys: later ones, and padding of the prompt. bool
        [batch or 1, 1, queries, keys]; None: they see all."""
        masked = None
        if self.longest > 1 and queries == self.longest:
            masked = torch.ones(queries, keys, dtype=torch.bool, device=device).triu(keys - queries + 1)[None, None]
        if self.hidden is not None:
            padding = F.pad(self.hidden, (0, keys - self.hidden.shape[1]))[:, None, None]
            masked = padding.expand(-1, -1, queries, -1) if masked is None else masked | padding
        return masked


class Losses(NamedTuple):
    """Sums and means of one forward pass."""

    total: Tensor
    aux: float
    aux_accuracy: float
    answer: float
    character_accuracy: float
    location_accuracy: float


class Mini(nn.Module):
    """transformers' PaliGemma with the fast forward pass and the auxiliary head."""

    def __init__(self, shape: Shape = Shape(), soft_caps: bool = True):
        super().__init__()
        self.shape, self.soft_caps = shape, soft_caps
        self.net = PaliGemmaForConditionalGeneration(configuration(shape, soft_caps)).float()
        initialise(self.net)
        self.aux = nn.Linear(shape.vision_width, SLOTS * SLOT_OUTPUTS)
        inverse = 10000.0 ** (-torch.arange(0, shape.head_dim, 2).float() / shape.head_dim)
        angles = torch.outer(torch.arange(1, shape.grid**2 + 1793).float(), inverse)
        self.register_buffer("cosines", torch.cat([angles, angles], 1).cos(), persistent=False)
        self.register_buffer("sines", torch.cat([angles, angles], 1).sin(), persistent=False)
        bins = torch.arange(0, vocab.LOCATIONS, targets.LOC_STEP).float()
        self.register_buffer("nearness", (-0.5 * ((bins[:, None] - bins) / LOCATION_BLUR) ** 2).softmax(1), persistent=False)
        self.register_buffer("prompt", torch.tensor([targets.prompt_tokens()]), persistent=False)

    # Vision tower.

    def vision(self, patches: Tensor, first_row: Tensor | None = None) -> Tensor:
        """Features of the patches of whole tiles, or of windows that begin at a row of patches."""
        tower = self.net.model.vision_tower
        batch, count, _ = patches.shape
        # The three channels of a grey page are equal: one matrix serves for all.
        weight = tower.embeddings.patch_embedding.weight.sum(1).flatten(1)
        x = F.linear(patches, weight, tower.embeddings.patch_embedding.bias)
        positions = tower.embeddings.position_embedding.weight
        x = x + (positions if first_row is None else positions[self._patch_index(first_row, count)])
        heads = self.shape.vision_heads
        for layer in tower.encoder.layers:
            attention = layer.self_attn
            y = layer.layer_norm1(x)
            q, k, v = (
                f(y).view(batch, count, heads, -1).transpose(1, 2) for f in (attention.q_proj, attention.k_proj, attention.v_proj)
            )
            y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, count, -1)
            x = x + attention.out_proj(y)
            y = layer.layer_norm2(x)
            x = x + layer.mlp.fc2(F.gelu(layer.mlp.fc1(y), approximate="tanh"))
        return tower.post_layernorm(x)

    def _patch_index(self, first_row: Tensor, count: int) -> Tensor:
        return (first_row * self.shape.grid)[:, None] + torch.arange(count, device=first_row.device)[None]

    # Decoder.

    @staticmethod
    def _norm(norm: nn.Module, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), 1 + norm.weight, norm.eps)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, masked: Tensor | None = None) -> Tensor:
        """Attention of queries [batch * length, heads * dim] to keys and values [batch, kv heads, positions, dim]. The
        heads that share a key are one block of queries, so that no key is copied."""
        batch, kv_heads, _, dim = k.shape
        length, group = len(q) // batch, self.shape.text_heads // kv_heads
        q = q.view(batch, length, kv_heads, group, dim).permute(0, 2, 3, 1, 4).reshape(batch, kv_heads, group * length, dim)
        if self.soft_caps:
            scores = torch.tanh(q @ k.transpose(-1, -2) * (dim**-0.5 / ATTENTION_CAP)) * ATTENTION_CAP
        else:
            scores = q @ k.transpose(-1, -2) * dim**-0.5
        if masked is not None:
            scores = scores.masked_fill(masked.repeat(1, 1, group, 1), float("-inf"))
        y = (scores.softmax(-1) @ v).view(batch, kv_heads, group, length, dim)
        return y.permute(0, 3, 1, 2, 4).reshape(batch * length, -1)

    def _attention(self, layer: nn.Module, y: Tensor, rotation: tuple[Tensor, Tensor], rows: Rows, last: bool, cache: list | None) -> Tensor:
        """Attention of all rows, or in the last block only of those that somebody reads."""
        shape = self.shape
        first, start = rows.prefix, rows.batch * rows.prefix

        def rotated(projection: nn.Module, x: Tensor, heads: int, cos: Tensor, sin: Tensor) -> Tensor:
            t = projection(x).view(len(x), heads, -1)
            a, b = t.chunk(2, -1)
            return (t * cos[:, None] + torch.cat([-b, a], -1) * sin[:, None]).flatten(1)

        def shared(t: Tensor) -> Tensor:
            return t.view(rows.batch, -1, shape.text_kv_heads, shape.head_dim).transpose(1, 2)

        k, v = rotated(layer.k_proj, y, shape.text_kv_heads, *rotation), layer.v_proj(y)
        if last:
            y, rotation, first = rows.read(y), tuple(rows.read(t) for t in rotation), min(first, 1)
        q = rotated(layer.q_proj, y, shape.text_heads, *rotation)
        out = []
        keys, values = (cache[0], cache[1]) if cache else (None, None)
        if rows.prefix:
            keys, values = shared(k[:start]), shared(v[:start])
            out.append(self._attend(q[: rows.batch * first], keys, values, rows.unseen(first, rows.prefix, y.device) if rows.hidden is not None else None))
        if rows.longest:
            own = shared(rows.spread(k[start:])), shared(rows.spread(v[start:]))
            keys, values = torch.cat([keys, own[0]], 2), torch.cat([values, own[1]], 2)
            unseen = rows.unseen(rows.longest, keys.shape[2], y.device)
            answers = self._attend(rows.spread(q[rows.batch * first :]), keys, values, unseen)
            out.append(answers if rows.places is None else answers[rows.places])
        if cache is not None:
            cache[:] = [keys, values]
        return layer.o_proj(torch.cat(out) if len(out) > 1 else out[0])

    def decoder(self, h: Tensor, positions: Tensor, rows: Rows, caches: list[list] | None = None) -> Tensor:
        """Run the decoder's blocks over rows [R, width] at positions [R]; returns the rows that somebody reads (see
        Rows.read). Rows of a prefix see one another fully, later ones what is before them and in the caches."""
        rotation = self.cosines[positions], self.sines[positions]
        layers = self.net.model.language_model.layers
        for i, layer in enumerate(layers):
            last = i == len(layers) - 1
            y = self._norm(layer.input_layernorm, h)
            y = self._attention(layer.self_attn, y, rotation, rows, last, caches[i] if caches is not None else None)
            h = (rows.read(h) if last else h) + self._norm(layer.post_attention_layernorm, y)
            y = self._norm(layer.pre_feedforward_layernorm, h)
            y = layer.mlp.down_proj(F.gelu(layer.mlp.gate_proj(y), approximate="tanh") * layer.mlp.up_proj(y))
            h = h + self._norm(layer.post_feedforward_layernorm, y)
        return h

    def logits(self, h: Tensor) -> Tensor:
        """Scores of the next token."""
        model = self.net.model.language_model
        scores = F.linear(self._norm(model.norm, h), model.embed_tokens.weight).float()
        return torch.tanh(scores / FINAL_CAP) * FINAL_CAP if self.soft_caps else scores

    def embed(self, tokens: Tensor) -> Tensor:
        """Scaled embeddings of tokens."""
        table = self.net.model.language_model.embed_tokens.weight
        return F.embedding(tokens, table) * table.shape[1] ** 0.5

    def _prefix(self, features: Tensor, first_row: Tensor | None, prompts: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Rows and positions of image and prompt, [B, prefix, width] and [B, prefix], the answers' first positions [B], and
        the padding (see Rows.hidden). Without prompts all are asked "ocr"."""
        batch, count, _ = features.shape
        if prompts is None:
            prompts = self.prompt.expand(batch, -1)
        image = self.net.model.multi_modal_projector.linear(features)
        h = torch.cat([image, self.embed(prompts)], 1)
        if first_row is None:
            first_row = torch.zeros(batch, dtype=torch.long, device=features.device)
        padding = prompts == vocab.PAD
        text = self.shape.grid**2 + (torch.cumsum(~padding, 1) - 1).clamp(min=0)
        positions = torch.cat([self._patch_index(first_row, count), text], 1)
        hidden = torch.cat([padding.new_zeros(batch, count), padding], 1) if padding.any() else None
        return h, positions, text[:, -1] + 1, hidden

    def answer_logits(
        self, features: Tensor, tokens: Tensor, first_row: Tensor | None = None, prompts: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Scores of every token of the answers, given those before it, and the tokens: float [M, vocabulary] and int
        [M], the answers' first tokens before all others, padding left out."""
        h, positions, start, hidden = self._prefix(features, first_row, prompts)
        batch, prefix, width = h.shape
        longest = tokens.shape[1] - 1
        places = (tokens[:, 1:] != vocab.PAD).flatten().nonzero()[:, 0]
        rows = Rows(batch, prefix, longest, places, hidden)
        own = tokens[:, :-1].flatten()[places]
        h = torch.cat([h.view(-1, width), self.embed(own)])
        positions = torch.cat([positions.flatten(), start[places // longest] + places % longest])
        truth = torch.cat([tokens[:, 0], tokens[:, 1:].flatten()[places]])
        return self.logits(self.decoder(h, positions, rows)), truth

    # Losses.

    def losses(self, batch: Batch, decoder: bool, aux_weight: float, location_weight: float = 0.5) -> Losses:
        """The training loss of a batch and what to watch."""
        features = self.vision(batch.patches, batch.first_row)
        total, aux, accuracy = features.new_zeros(()), 0.0, 0.0
        if aux_weight > 0:
            aux_loss, accuracy = self.aux_loss(features, batch)
            total = total + aux_weight * aux_loss
            aux = aux_loss.item()
        if not decoder:
            return Losses(total, aux, accuracy, 0.0, 0.0, 0.0)
        scores, truth = self.answer_logits(features, batch.tokens, batch.first_row, batch.prompts)
        location = (truth >= vocab.FIRST_LOCATION) & (truth < vocab.IMAGE)
        each = self._answer_loss(scores, truth, location)
        weight = torch.where(location, location_weight, 1.0)
        answer = (each * weight).sum() / weight.sum()
        best = scores.detach().argmax(-1)
        character = (truth >= vocab.FIRST_CHARACTER) & (truth < vocab.FIRST_LOCATION)
        correct = ((best == truth) & character).sum() / character.sum().clamp(min=1)
        near = (((best - truth).abs() <= 12) & location).sum() / location.sum().clamp(min=1)
        return Losses(total + answer, aux, accuracy, answer.item(), correct.item(), near.item())

    def _answer_loss(self, scores: Tensor, truth: Tensor, location: Tensor) -> Tensor:
        """Cross entropy of every token, of locations to a bell curve around the truth: what is off by a pixel is
        better than what is off by a hundred, and all embeddings nearby learn from it."""
        logs = scores.log_softmax(-1)
        each = -logs.gather(1, truth[:, None])[:, 0]
        first = vocab.FIRST_LOCATION
        rows = location.nonzero()[:, 0]
        bins = (truth[rows] - first) // targets.LOC_STEP
        near = logs[rows][:, first : first + vocab.LOCATIONS : targets.LOC_STEP]
        return each.index_copy(0, rows, -(self.nearness[bins] * near).sum(1))

    def aux_loss(self, features: Tensor, batch: Batch) -> tuple[Tensor, float]:
        """The dense loss of the vision tower and its accuracy on slots that name a character."""
        scores = self.aux(features).float().view(-1, SLOT_OUTPUTS)
        truth = batch.classes.flatten()
        classes = vocab.CHARACTER_CLASSES
        each = F.cross_entropy(scores[:, :classes], truth, reduction="none")
        weight = torch.where(truth > 0, 1.0, 0.1)
        loss = (each * weight).sum() / weight.sum()
        accuracy = 0.0
        if len(batch.slots):
            named = scores[batch.slots]
            _, places, flags, boxes = named.split([classes, PLACES, FLAGS, 8], 1)
            place, flag, box = batch.details.split([1, FLAGS, 8], 1)
            whole, followed = flag[:, 2:3], flag[:, 4:5]
            known = torch.cat([whole.expand(-1, 4), followed.expand(-1, 4)], 1)
            loss = loss + 0.2 * F.cross_entropy(places, place[:, 0].long())
            loss = loss + 0.4 * F.binary_cross_entropy_with_logits(flags, flag)
            loss = loss + 1.0 * F.smooth_l1_loss(boxes * known, box * known, beta=0.1)
            right = named[:, :classes].argmax(-1) == truth[batch.slots]
            accuracy = right.float().mean().item()
        return loss, accuracy

    # Generation.

    @torch.no_grad()
    def generate(
        self, patches: Tensor, max_tokens: int, first_row: Tensor | None = None, prompts: Tensor | None = None
    ) -> list[list[int]]:
        """Greedy answers of a batch, without end tokens."""
        h, positions, start, hidden = self._prefix(self.vision(patches, first_row), first_row, prompts)
        batch, prefix, width = h.shape
        caches: list[list] = [[] for _ in range(self.shape.text_layers)]
        h = self.decoder(h.view(-1, width), positions.flatten(), Rows(batch, prefix, 0, hidden=hidden), caches)
        done = torch.zeros(batch, dtype=torch.bool, device=h.device)
        steps = []
        for i in range(max_tokens):
            token = torch.where(done, vocab.PAD, self.logits(h).argmax(-1))
            steps.append(token)
            done |= token == vocab.EOS
            if done.all():
                break
            h = self.decoder(self.embed(token), start + i, Rows(batch, 0, 1, hidden=hidden), caches)
        answers = torch.stack(steps, 1).tolist()
        return [a[: a.index(vocab.EOS)] if vocab.EOS in a else a for a in answers]
