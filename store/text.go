package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// cleanText makes a string one that Postgres takes: valid UTF-8 without the character NUL, which a model that writes
// raw bytes, or a file name from an archive, may well contain. A page must not fail for it.
func cleanText(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// cleanJSON encodes a value as JSON that jsonb takes: \u0000 is refused there although it is valid JSON.
func cleanJSON(v any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if !strings.Contains(string(b), `\u0000`) {
		return b, nil // the decoder's own escapes are the only way NUL gets into JSON text
	}
	var decoded any
	if err := json.Unmarshal(b, &decoded); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return json.Marshal(cleanValue(decoded))
}

func cleanValue(v any) any {
	switch v := v.(type) {
	case string:
		return cleanText(v)
	case []any:
		for i := range v {
			v[i] = cleanValue(v[i])
		}
		return v
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[cleanText(k)] = cleanValue(e)
		}
		return out
	}
	return v
}

// truncate cuts a string to at most n bytes at a character's border.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
