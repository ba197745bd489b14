// Package tokenizer turns text into the ids of a checkpoint's vocabulary and back. It reads
// tokenizer.json (Hugging Face tokenizers, byte-pair encoding) or tokenizer.model (SentencePiece,
// byte-pair encoding) from the checkpoint's folder, and knows no id by itself: the special ones are
// looked up by what they are called.
package tokenizer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Limits on the files, which may come from anywhere. The largest published Gemma files have 34 MB,
// 262,144 pieces and 580,604 merges.
const (
	maxFileBytes  = 256 << 20
	maxPieces     = 1 << 21
	maxPieceBytes = 1 << 12
	maxMerges     = 1 << 23
	maxStages     = 64 // normalizer and decoder steps
)

// Space is how pieces write a space.
const Space = "▁"

// Tokenizer is one vocabulary. It is read-only after Load and safe for concurrent use.
type Tokenizer struct {
	pieces  []string         // by id; "" where an id is unused
	vocab   map[string]int32 // the model's pieces, without those only added
	kinds   map[int32]kind   // pieces that are not plain text
	bytes   [256]int32       // ids of the byte pieces <0x00> ... <0xFF>, -1 where there is none
	unk     int32            // id for what the vocabulary cannot say, -1: such text is dropped
	fuseUnk bool             // a run of unknown characters is one unk
	resolve unknownPolicy
	joiner  joiner
	added   [2]addedSet // matched before [0] and after [1] normalisation
	rewrite []replacement
	split   string // pieces never span the end of this string; "" for none
	decode  decoder
	special Special
}

// kind says what a piece is when it is not plain text.
type kind uint8

const (
	kindControl kind = iota + 1
	kindByte
	kindUnused
)

// Special holds the ids with a meaning of their own, -1 where the vocabulary has none.
type Special struct {
	BOS, EOS, PAD, UNK int32
	Image              int32 // <image>, the place of one image feature
	Newline            int32 // "\n", which ends a prompt and is always a token of its own
	Loc0               int32 // <loc0000>; Locs consecutive ids follow
	Seg0               int32 // <seg000>; Segs consecutive ids follow
	Locs, Segs         int32
}

// Load reads the tokenizer in dir: tokenizer.json, or else tokenizer.model.
func Load(dir string) (*Tokenizer, error) {
	t, err := load(dir)
	if err != nil {
		return nil, fmt.Errorf("tokenizer in %s: %w", dir, err)
	}
	return t, nil
}

func load(dir string) (*Tokenizer, error) {
	names, err := readNames(dir)
	if err != nil {
		return nil, err
	}
	data, err := readFile(filepath.Join(dir, "tokenizer.json"))
	if err == nil {
		return parseJSON(data, names)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	data, err = readFile(filepath.Join(dir, "tokenizer.model"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("neither tokenizer.json nor tokenizer.model is there; copy one from where the checkpoint was published")
	}
	if err != nil {
		return nil, err
	}
	return parseModel(data, names)
}

// readFile reads a whole file of at most maxFileBytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read", filepath.Base(path), info.Size(), maxFileBytes)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return data, nil
}

// Size is the number of ids: one more than the largest.
func (t *Tokenizer) Size() int { return len(t.pieces) }

// Special returns the ids with a meaning of their own.
func (t *Tokenizer) Special() Special { return t.special }

// ID finds a piece by its exact content, added tokens included.
func (t *Tokenizer) ID(piece string) (int32, bool) {
	for i := range t.added {
		if id, ok := t.added[i].byContent[piece]; ok {
			return id, true
		}
	}
	id, ok := t.vocab[piece]
	return id, ok
}

// Piece is the content of an id as the vocabulary writes it (spaces as ▁, bytes as <0x0A>); "" for
// an id that is not there.
func (t *Tokenizer) Piece(id int32) string {
	if id < 0 || int(id) >= len(t.pieces) {
		return ""
	}
	return t.pieces[id]
}

// Encode turns text into ids: added tokens (specials, <loc0123>, "\n") as such wherever they
// stand, byte-pair encoding between them. Neither bos nor eos is added. Bytes that are not UTF-8
// count as U+FFFD.
func (t *Tokenizer) Encode(text string) []int32 {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	ids := make([]int32, 0, len(text)/3+4)
	var e encoder
	t.added[0].each(text, func(part string, id int32) {
		if id >= 0 {
			ids = append(ids, id)
			return
		}
		t.added[1].each(t.normalize(part), func(part string, id int32) {
			if id >= 0 {
				ids = append(ids, id)
				return
			}
			ids = t.encodeParts(&e, part, ids)
		})
	})
	return ids
}

// encodeParts encodes normalised text without added tokens.
func (t *Tokenizer) encodeParts(e *encoder, text string, ids []int32) []int32 {
	for t.split != "" {
		i := strings.Index(text, t.split)
		if i < 0 {
			break
		}
		i += len(t.split)
		ids = e.encode(t, text[:i], ids)
		text = text[i:]
	}
	return e.encode(t, text, ids)
}

// replacement is one step of normalisation.
type replacement struct {
	from, to string
	prepend  bool // put to in front of text that is not empty
}

func (t *Tokenizer) normalize(text string) string {
	for _, r := range t.rewrite {
		if !r.prepend {
			text = strings.ReplaceAll(text, r.from, r.to)
		} else if text != "" {
			text = r.to + text
		}
	}
	return text
}

// newTokenizer makes one without a single piece.
func newTokenizer() *Tokenizer {
	t := &Tokenizer{unk: -1}
	for i := range t.bytes {
		t.bytes[i] = -1
	}
	return t
}

// setPiece enters a piece at its id.
func (t *Tokenizer) setPiece(id int32, piece string) error {
	if id < 0 || id >= maxPieces {
		return fmt.Errorf("piece %q has id %d; ids from 0 to %d are supported", clip(piece), id, maxPieces-1)
	}
	if len(piece) > maxPieceBytes {
		return fmt.Errorf("piece %d has %d bytes, at most %d are supported", id, len(piece), maxPieceBytes)
	}
	for int(id) >= len(t.pieces) {
		t.pieces = append(t.pieces, "")
	}
	t.pieces[id] = piece
	return nil
}

// clip shortens what an error message quotes.
func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "..."
	}
	return s
}
