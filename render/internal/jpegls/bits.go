package jpegls

import "errors"

// reader reads the bits of a scan. Behind a byte of 0xff the next has but seven:
// that its highest is clear tells it from a marker.
type reader struct {
	data  []byte
	at    int
	held  uint64 // lowest count bits are the next ones
	count int
	full  bool // the last byte was 0xff
}

var errEnd = errors.New("the data end too early")

// fill makes sure of n bits, n up to 32.
func (r *reader) fill(n int) error {
	for r.count < n {
		if r.at >= len(r.data) {
			return errEnd
		}
		v := r.data[r.at]
		width := 8
		if r.full {
			if v >= 0x80 {
				return errEnd // a marker
			}
			width = 7
		}
		r.full = v == 0xff
		r.at++
		r.held = r.held<<width | uint64(v)
		r.count += width
	}
	return nil
}

// take returns the next n bits, n up to 24.
func (r *reader) take(n int) (int, error) {
	if n == 0 {
		return 0, nil
	}
	if err := r.fill(n); err != nil {
		return 0, err
	}
	r.count -= n
	return int(r.held >> r.count & (1<<n - 1)), nil
}

// zeros counts zeros up to the next one, which it takes as well. More than most
// of them are an error.
func (r *reader) zeros(most int) (n int, err error) {
	for {
		bit, err := r.take(1)
		if err != nil {
			return 0, err
		}
		if bit == 1 {
			return n, nil
		}
		if n++; n > most {
			return 0, errors.New("a code is too long")
		}
	}
}
