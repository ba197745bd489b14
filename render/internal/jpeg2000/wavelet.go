package jpeg2000

// Coefficients of the irreversible filter (table F.4).
const (
	alpha = -1.586134342059924
	beta  = -0.052980118572961
	gamma = 0.882911075530934
	delta = 0.443506852043971
	kappa = 1.230174104914001
)

// plane is the coefficients of a tile's component, of its low resolutions in the
// upper left corner, as they are being put together.
type plane struct {
	values []float32
	stride int
}

// inverse puts a resolution together from the one below and its three bands,
// which lie in p as low and high halves. x0, y0 are the resolution's origin: at
// even places of a row or column are the low ones (F.3).
func (p plane) inverse(x0, y0, w, h int, reversible bool) {
	line := make([]float32, max(w, h)+8)
	lift := irreversible
	if reversible {
		lift = reversible53
	}
	for y := range h {
		row := p.values[y*p.stride : y*p.stride+w]
		low := (w + 1 - x0&1) / 2
		for i := range w {
			if (i+x0)&1 == 0 {
				line[4+i] = row[i/2]
			} else {
				line[4+i] = row[low+i/2]
			}
		}
		lift(line, w, x0&1)
		copy(row, line[4:4+w])
	}
	for x := range w {
		low := (h + 1 - y0&1) / 2
		for i := range h {
			if (i+y0)&1 == 0 {
				line[4+i] = p.values[i/2*p.stride+x]
			} else {
				line[4+i] = p.values[(low+i/2)*p.stride+x]
			}
		}
		lift(line, h, y0&1)
		for i := range h {
			p.values[i*p.stride+x] = line[4+i]
		}
	}
}

// extend mirrors four samples at both ends of line[4:4+n] (F.3.7).
func extend(line []float32, n int) {
	for k := 1; k <= 4; k++ {
		i, j := k, n-1-k
		if n > 1 {
			period := 2 * (n - 1)
			i %= period
			if i >= n {
				i = period - i
			}
			j = ((j % period) + period) % period
			if j >= n {
				j = period - j
			}
		} else {
			i, j = 0, 0
		}
		line[4-k], line[4+n-1+k] = line[4+i], line[4+j]
	}
}

// floor rounds down a quotient of whole numbers that a float32 holds exactly.
func floor(v float32) float32 {
	n := float32(int64(v))
	if n > v {
		n--
	}
	return n
}

// reversible53 filters line[4:4+n]; odd is 1 where the first sample is a high one
// (F.3.8.1).
func reversible53(line []float32, n, odd int) {
	if n == 1 {
		if odd == 1 {
			line[4] = floor(line[4] / 2)
		}
		return
	}
	extend(line, n)
	for i := 4 - 2 + odd; i < 4+n+1; i += 2 {
		line[i] -= floor((line[i-1] + line[i+1] + 2) / 4)
	}
	for i := 4 - 1 + odd; i < 4+n; i += 2 {
		line[i] += floor((line[i-1] + line[i+1]) / 2)
	}
}

// irreversible does so with the filter of real numbers (F.3.8.2).
func irreversible(line []float32, n, odd int) {
	if n == 1 {
		if odd == 1 {
			line[4] /= 2
		}
		return
	}
	extend(line, n)
	for i := range n + 8 {
		if i&1 == odd { // the margin is even: low ones are where the first one would be
			line[i] *= kappa
		} else {
			line[i] /= kappa
		}
	}
	for step, f := range [4]float32{delta, gamma, beta, alpha} {
		for i := 1 + step; i < n+7-step; i++ {
			if i&1 == (odd+step)&1 {
				line[i] -= f * (line[i-1] + line[i+1])
			}
		}
	}
}
