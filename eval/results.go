package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// ReadResults reads the lines of a run: one result each, and totals, which
// are left out. Of a run that was resumed the last result of an item counts.
func ReadResults(r io.Reader) ([]Result, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), MaxLineBytes)
	var out []Result
	at := map[string]int{}
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var res struct {
			Result
			Totals json.RawMessage `json:"totals"`
		}
		if err := json.Unmarshal(line, &res); err != nil {
			return nil, fmt.Errorf("eval: results, line %d: %w", n, err)
		}
		if res.Totals != nil {
			continue
		}
		if res.ID == "" {
			return nil, fmt.Errorf("eval: results, line %d: no id; want the lines of palimpsest eval --json", n)
		}
		if i, again := at[res.ID]; again {
			out[i] = res.Result
			continue
		}
		if len(out) >= MaxItems {
			return nil, fmt.Errorf("eval: results, line %d: more than the limit of %d items", n, MaxItems)
		}
		at[res.ID] = len(out)
		out = append(out, res.Result)
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("eval: results: a line is longer than the limit of %d bytes", MaxLineBytes)
	} else if err != nil {
		return nil, fmt.Errorf("eval: results: %w", err)
	}
	return out, nil
}

// Line is the result as a line of a run, without a line feed.
func (r Result) Line() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // markup stays readable
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("eval: item %s: %w", r.ID, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Journal keeps the results of a run in a file as they come, one line each, written at
// once, so that a run that was killed can be resumed from it.
type Journal struct {
	file  *os.File
	Known map[string]Result // what the file held, by item
}

// OpenJournal opens a journal, or begins one. A last line that was cut off by the end of
// its process is removed.
func OpenJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	end, err := wholeLines(f)
	if err == nil {
		err = f.Truncate(end)
	}
	var results []Result
	if err == nil {
		results, err = ReadResults(io.NewSectionReader(f, 0, end))
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("eval: journal %s: %w", path, err)
	}
	j := &Journal{file: f, Known: map[string]Result{}}
	for _, r := range results {
		j.Known[r.ID] = r
	}
	return j, nil
}

// wholeLines is the length of a file up to its last line feed.
func wholeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	block := make([]byte, 64<<10)
	for end := info.Size(); end > 0; {
		from := max(0, end-int64(len(block)))
		part := block[:end-from]
		if _, err := f.ReadAt(part, from); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// Add appends a result, unless it came from the journal.
func (j *Journal) Add(r Result) error {
	if r.Resumed {
		return nil
	}
	line, err := r.Line()
	if err != nil {
		return err
	}
	if len(line) >= MaxLineBytes {
		return fmt.Errorf("eval: item %s: its result has %d bytes, the limit of a line is %d", r.ID, len(line), MaxLineBytes)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	return nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }
