package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// step is one entry of tokenizer.json's normalizer, pre_tokenizer or decoder: the fields of all
// the types this package knows.
type step struct {
	Type    string `json:"type"`
	Pattern struct {
		String *string `json:"String"`
	} `json:"pattern"`
	Content       string `json:"content"`
	Prepend       string `json:"prepend"`
	Behavior      string `json:"behavior"`
	Invert        bool   `json:"invert"`
	Replacement   string `json:"replacement"`
	PrependScheme string `json:"prepend_scheme"`
	Split         *bool  `json:"split"`
	Normalizers   []step `json:"normalizers"`
	Pretokenizers []step `json:"pretokenizers"`
	Decoders      []step `json:"decoders"`
}

// parseJSON reads a tokenizer.json.
func parseJSON(data []byte, names names) (*Tokenizer, error) {
	t := newTokenizer()
	if err := t.readJSON(data); err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return t, t.finish(names)
}

func (t *Tokenizer) readJSON(data []byte) error {
	top, err := fields(data)
	if err != nil {
		return err
	}
	if top["model"] == nil {
		return errors.New("has no model")
	}
	if err := t.readModel(top["model"]); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if err := t.readAdded(top["added_tokens"]); err != nil {
		return fmt.Errorf("added_tokens: %w", err)
	}
	for _, part := range []struct {
		key string
		set func(step) error
	}{
		{"normalizer", t.addNormalizer},
		{"pre_tokenizer", t.addSplit},
		{"decoder", t.addDecoder},
	} {
		if err := eachStep(top[part.key], part.set); err != nil {
			return fmt.Errorf("%s: %w", part.key, err)
		}
	}
	t.normalizeAdded()
	return nil
}

// eachStep calls set for a step, or for each of a sequence of steps. Null is no step.
func eachStep(raw []byte, set func(step) error) error {
	if raw == nil || string(raw) == "null" {
		return nil
	}
	var s step
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	steps := []step{s}
	for n := 0; len(steps) > 0; n++ {
		if n > maxStages {
			return fmt.Errorf("more than %d steps", maxStages)
		}
		s, steps = steps[0], steps[1:]
		if s.Type == "Sequence" {
			steps = append(append(append(append([]step{}, s.Normalizers...), s.Pretokenizers...), s.Decoders...), steps...)
			continue
		}
		if err := set(s); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tokenizer) addNormalizer(s step) error {
	switch {
	case s.Type == "Replace" && s.Pattern.String != nil && *s.Pattern.String != "":
		t.rewrite = append(t.rewrite, replacement{from: *s.Pattern.String, to: s.Content})
	case s.Type == "Prepend":
		t.rewrite = append(t.rewrite, replacement{to: s.Prepend, prepend: true})
	default:
		return fmt.Errorf("type %q is not supported (Replace of a string and Prepend are)", s.Type)
	}
	return nil
}

func (t *Tokenizer) addSplit(s step) error {
	switch {
	case s.Type == "Split" && s.Pattern.String != nil && *s.Pattern.String != "" && s.Behavior == "MergedWithPrevious" && !s.Invert && t.split == "":
		t.split = *s.Pattern.String
	case s.Type == "Metaspace" && s.PrependScheme == "never" && s.Split != nil && !*s.Split:
		t.rewrite = append(t.rewrite, replacement{from: " ", to: s.Replacement})
	default:
		return fmt.Errorf("type %q with these settings is not supported", s.Type)
	}
	return nil
}

func (t *Tokenizer) addDecoder(s step) error {
	switch {
	case s.Type == "Replace" && s.Pattern.String != nil && *s.Pattern.String != "":
		t.decode.replace = append(t.decode.replace, replacement{from: *s.Pattern.String, to: s.Content})
	case s.Type == "Metaspace":
		t.decode.replace = append(t.decode.replace, replacement{from: s.Replacement, to: " "})
	case s.Type == "ByteFallback":
		t.decode.bytes = true
	case s.Type == "Fuse":
	default:
		return fmt.Errorf("type %q is not supported", s.Type)
	}
	return nil
}

// readAdded reads the tokens that are matched before byte-pair encoding.
func (t *Tokenizer) readAdded(raw []byte) error {
	if raw == nil {
		return nil
	}
	var added []struct {
		ID         int32  `json:"id"`
		Content    string `json:"content"`
		SingleWord bool   `json:"single_word"`
		LStrip     bool   `json:"lstrip"`
		RStrip     bool   `json:"rstrip"`
		Normalized bool   `json:"normalized"`
		Special    bool   `json:"special"`
	}
	if err := json.Unmarshal(raw, &added); err != nil {
		return err
	}
	for _, a := range added {
		set := &t.added[0]
		if a.Normalized {
			set = &t.added[1]
		}
		if err := t.setPiece(a.ID, a.Content); err != nil {
			return err
		}
		set.add(addedToken{id: a.ID, content: a.Content, singleWord: a.SingleWord, lstrip: a.LStrip, rstrip: a.RStrip})
	}
	return nil
}

// normalizeAdded rewrites the tokens that are matched in normalised text, as the text will be.
func (t *Tokenizer) normalizeAdded() {
	before := t.added[1]
	t.added[1] = addedSet{}
	for _, tok := range before.tokens {
		tok.content = t.normalize(tok.content)
		t.added[1].add(tok)
	}
}

// readModel reads the vocabulary and the merges.
func (t *Tokenizer) readModel(raw []byte) error {
	parts, err := fields(raw)
	if err != nil {
		return err
	}
	var model struct {
		Type         string   `json:"type"`
		Dropout      *float64 `json:"dropout"`
		Unk          *string  `json:"unk_token"`
		Prefix       *string  `json:"continuing_subword_prefix"`
		Suffix       *string  `json:"end_of_word_suffix"`
		FuseUnk      bool     `json:"fuse_unk"`
		ByteFallback bool     `json:"byte_fallback"`
		IgnoreMerges bool     `json:"ignore_merges"`
	}
	vocab, merges := parts["vocab"], parts["merges"]
	delete(parts, "vocab")
	delete(parts, "merges")
	if err := decodeFields(parts, &model); err != nil {
		return err
	}
	switch {
	case model.Type != "BPE" && model.Type != "":
		return fmt.Errorf("type %q is not supported, only BPE", model.Type)
	case model.Prefix != nil && *model.Prefix != "", model.Suffix != nil && *model.Suffix != "", model.IgnoreMerges:
		return errors.New("continuing_subword_prefix, end_of_word_suffix and ignore_merges are not supported")
	case model.Dropout != nil && *model.Dropout != 0:
		return errors.New("dropout is for training; set it to null")
	}
	t.fuseUnk = model.FuseUnk
	if err := t.readVocab(vocab); err != nil {
		return err
	}
	if model.Unk != nil {
		id, ok := t.vocab[*model.Unk]
		if !ok {
			return fmt.Errorf("unk_token %q is not in the vocabulary", clip(*model.Unk))
		}
		t.unk = id
	}
	if model.ByteFallback {
		t.findBytes()
	}
	return t.readMerges(merges)
}

// decodeFields fills a struct from an object's fields.
func decodeFields(parts map[string][]byte, into any) error {
	whole := make(map[string]json.RawMessage, len(parts))
	for k, v := range parts {
		whole[k] = v
	}
	data, err := json.Marshal(whole)
	if err != nil {
		return fmt.Errorf("%w: %w", errJSON, err)
	}
	return json.Unmarshal(data, into)
}

// findBytes looks the byte pieces up.
func (t *Tokenizer) findBytes() {
	for i := range t.bytes {
		if id, ok := t.vocab[fmt.Sprintf("<0x%02X>", i)]; ok {
			t.bytes[i] = id
		}
	}
}

func (t *Tokenizer) readVocab(raw []byte) error {
	if raw == nil {
		return errors.New("has no vocab")
	}
	s := scanner{data: raw}
	var keep arena
	// A piece takes at least some ten bytes; the map is made large enough at once.
	t.vocab = make(map[string]int32, min(len(raw)/16, maxPieces))
	return s.object(func(key string) error {
		id, err := s.integer()
		if err != nil {
			return fmt.Errorf("vocab: %w", err)
		}
		piece := keep.keep(key)
		t.vocab[piece] = id
		return t.setPiece(id, piece)
	})
}

// readMerges reads the merges, best first: ["a b", ...] or [["a","b"], ...].
func (t *Tokenizer) readMerges(raw []byte) error {
	table := newPairs(min(len(raw)/10+1, maxMerges))
	t.joiner = table
	if raw == nil {
		return nil
	}
	s := scanner{data: raw}
	var joined []byte
	return s.array(func(i int) error {
		if i >= maxMerges || 4*i >= 3*len(table.keys) {
			return fmt.Errorf("merges: more than %d", i)
		}
		left, right, err := s.merge()
		if err != nil {
			return fmt.Errorf("merge %d: %w", i, err)
		}
		a, okA := t.vocab[left]
		b, okB := t.vocab[right]
		joined = append(append(joined[:0], left...), right...)
		id, okID := t.vocab[string(joined)]
		if !okA || !okB || !okID {
			return fmt.Errorf("merge %d (%q with %q) is of pieces that are not in the vocabulary", i, clip(left), clip(right))
		}
		table.set(a, b, uint32(i), id)
		return nil
	})
}

// merge reads one merge in either form.
func (s *scanner) merge() (left, right string, err error) {
	if s.space() == '"' {
		both, err := s.text()
		if err != nil {
			return "", "", err
		}
		left, right, ok := strings.Cut(both, " ")
		if !ok || strings.Contains(right, " ") {
			return "", "", fmt.Errorf("%q is not two pieces with a space between", clip(both))
		}
		return left, right, nil
	}
	n := 0
	err = s.array(func(i int) error {
		part, err := s.text()
		if i == 0 {
			left = part
		} else {
			right = part
		}
		if n++; n > 2 {
			return errors.New("more than two pieces")
		}
		return err
	})
	if err == nil && n != 2 {
		err = fmt.Errorf("%d pieces instead of two", n)
	}
	return left, right, err
}
