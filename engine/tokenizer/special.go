package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// names is what the files beside the vocabulary say about special tokens.
type names struct {
	roles map[string]string // "bos_token" and so on -> content
	added []addedName       // tokens that the vocabulary file may lack
}

type addedName struct {
	id      int32
	content string
}

// readNames reads special_tokens_map.json, tokenizer_config.json and added_tokens.json, each of
// which may be missing.
func readNames(dir string) (names, error) {
	n := names{roles: map[string]string{}}
	for _, name := range []string{"special_tokens_map.json", "tokenizer_config.json"} {
		var config map[string]json.RawMessage
		if err := readSmall(dir, name, &config); err != nil {
			return n, err
		}
		for _, role := range []string{"bos_token", "eos_token", "pad_token", "unk_token", "image_token"} {
			if content := tokenContent(config[role]); content != "" {
				n.roles[role] = content
			}
		}
		if raw, ok := config["added_tokens_decoder"]; ok {
			var byID map[int32]struct {
				Content string `json:"content"`
			}
			if err := json.Unmarshal(raw, &byID); err != nil {
				return n, fmt.Errorf("%s: added_tokens_decoder: %w", name, err)
			}
			for id, tok := range byID {
				n.added = append(n.added, addedName{id, tok.Content})
			}
		}
	}
	var byContent map[string]int32
	if err := readSmall(dir, "added_tokens.json", &byContent); err != nil {
		return n, err
	}
	for content, id := range byContent {
		n.added = append(n.added, addedName{id, content})
	}
	return n, nil
}

// readSmall reads a JSON file that may be missing.
func readSmall(dir, name string, into any) error {
	data, err := readFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// tokenContent reads a token given as a string or as an object with its content.
func tokenContent(raw json.RawMessage) string {
	var content string
	if json.Unmarshal(raw, &content) == nil {
		return content
	}
	var object struct {
		Content string `json:"content"`
	}
	if json.Unmarshal(raw, &object) == nil {
		return object.Content
	}
	return ""
}

// finish enters the tokens that other files add and looks the special ids up.
func (t *Tokenizer) finish(n names) error {
	for _, a := range n.added {
		if _, known := t.ID(a.content); known {
			continue
		}
		if t.Piece(a.id) != "" {
			return fmt.Errorf("token %q is said to have id %d, which is %q", clip(a.content), a.id, clip(t.Piece(a.id)))
		}
		if err := t.setPiece(a.id, a.content); err != nil {
			return err
		}
		t.added[0].add(addedToken{id: a.id, content: a.content})
	}
	role := func(name, usual string) int32 {
		if content, ok := n.roles[name]; ok {
			usual = content
		}
		return t.idOr(usual, -1)
	}
	t.special = Special{
		BOS: role("bos_token", "<bos>"), EOS: role("eos_token", "<eos>"),
		PAD: role("pad_token", "<pad>"), UNK: role("unk_token", "<unk>"),
		Image: role("image_token", "<image>"), Newline: t.idOr("\n", -1),
		Loc0: t.idOr("<loc0000>", -1), Seg0: t.idOr("<seg000>", -1),
	}
	t.special.Locs = t.run("<loc%04d>", t.special.Loc0, 10000)
	t.special.Segs = t.run("<seg%03d>", t.special.Seg0, 1000)
	return nil
}

func (t *Tokenizer) idOr(piece string, otherwise int32) int32 {
	if id, ok := t.ID(piece); ok {
		return id
	}
	return otherwise
}

// run counts the pieces that continue the series from id first.
func (t *Tokenizer) run(format string, first, most int32) int32 {
	n := int32(0)
	for first >= 0 && n < most && t.Piece(first+n) == fmt.Sprintf(format, n) {
		n++
	}
	return n
}
