package drawing

import (
	"math"
	"strconv"
	"strings"
)

// drawnAtom and drawnBond are what a drawing needs of a molfile.
type drawnAtom struct {
	x, y            float64
	symbol          string
	charge, isotope int
	bare            bool // has no hydrogens
}

type drawnBond struct {
	first, second, kind int
	stereo              int // 1 wedge, 2 hashes, 3 wavy or open, as version V3000 counts
}

// molfile reads a molfile of either version, fitted into a picture of 224.
func molfile(text string) (s sheet, ok bool) {
	lines := strings.Split(strings.ReplaceAll(text, "\r", ""), "\n")
	if len(lines) < 5 {
		return s, false
	}
	read := version2000
	if strings.Contains(lines[3], "V3000") {
		read = version3000
	}
	atoms, bonds := read(lines[3:])
	for _, a := range atoms {
		label := a.symbol
		if a.isotope > 0 {
			label = strconv.Itoa(a.isotope) + label
		}
		if a.bare {
			label += "H0"
		}
		if q := a.charge; q != 0 {
			label += map[bool]string{true: "+", false: "-"}[q > 0]
			if q*q > 1 {
				label += strconv.Itoa(max(q, -q))
			}
		}
		s.atoms = append(s.atoms, Atom{Place: Place{a.x, -a.y}, Label: label})
	}
	for _, b := range bonds {
		out := bond{first: b.first - 1, second: b.second - 1}
		switch {
		case b.kind == 2 && b.stereo == 3:
			out.kind = either
		case b.kind == 2:
			out.kind = double
		case b.kind == 3:
			out.kind = triple
		case b.kind == 4: // rings with circles
			for _, a := range [2]int{out.first, out.second} {
				s.atoms[a].Label = strings.ToLower(s.atoms[a].Label)
			}
		case b.stereo == 1:
			out.kind = solid
		case b.stereo == 2:
			out.kind = hashed
		case b.stereo == 3:
			out.kind = wavy
		}
		s.bonds = append(s.bonds, out)
	}
	s.fit()
	return s, len(atoms) > 0
}

func version2000(lines []string) (atoms []drawnAtom, bonds []drawnBond) {
	field := func(line string, from, to int) string {
		return strings.TrimSpace(line[min(from, len(line)):min(to, len(line))])
	}
	number := func(line string, from, to int) int { n, _ := strconv.Atoi(field(line, from, to)); return n }
	n, m := number(lines[0], 0, 3), number(lines[0], 3, 6)
	for _, line := range lines[1 : 1+n] {
		a := drawnAtom{symbol: field(line, 31, 34), bare: number(line, 48, 51) == 15}
		a.x, _ = strconv.ParseFloat(field(line, 0, 10), 64)
		a.y, _ = strconv.ParseFloat(field(line, 10, 20), 64)
		if c := number(line, 36, 39); c > 0 {
			a.charge = 4 - c
		}
		atoms = append(atoms, a)
	}
	for _, line := range lines[1+n : 1+n+m] {
		stereo := map[int]int{1: 1, 6: 2, 3: 3, 4: 3}[number(line, 9, 12)]
		bonds = append(bonds, drawnBond{number(line, 0, 3), number(line, 3, 6), number(line, 6, 9), stereo})
	}
	for _, line := range lines[1+n+m:] {
		for k := range number(line, 6, 9) {
			atom, value := number(line, 10+8*k, 13+8*k)-1, number(line, 14+8*k, 17+8*k)
			switch {
			case strings.HasPrefix(line, "M  CHG"):
				atoms[atom].charge = value
			case strings.HasPrefix(line, "M  ISO"):
				atoms[atom].isotope = value
			}
		}
	}
	return atoms, bonds
}

func version3000(lines []string) (atoms []drawnAtom, bonds []drawnBond) {
	section := ""
	for _, line := range lines {
		f := strings.Fields(line)
		switch {
		case len(f) > 3 && f[2] == "BEGIN":
			section = f[3]
		case len(f) > 6 && section == "ATOM" && f[2] != "END":
			a := drawnAtom{symbol: f[3]}
			a.x, _ = strconv.ParseFloat(f[4], 64)
			a.y, _ = strconv.ParseFloat(f[5], 64)
			a.charge, a.isotope = option(f, "CHG"), option(f, "MASS")
			atoms = append(atoms, a)
		case len(f) > 5 && section == "BOND" && f[2] != "END":
			kind, _ := strconv.Atoi(f[3])
			first, _ := strconv.Atoi(f[4])
			second, _ := strconv.Atoi(f[5])
			bonds = append(bonds, drawnBond{first, second, kind, map[int]int{1: 1, 2: 3, 3: 2}[option(f, "CFG")]})
		}
	}
	return atoms, bonds
}

func option(fields []string, name string) int {
	for _, f := range fields {
		if v, ok := strings.CutPrefix(f, name+"="); ok {
			n, _ := strconv.Atoi(v)
			return n
		}
	}
	return 0
}

// fit brings the drawing into a picture of 224 with a little paper around it.
func (s *sheet) fit() {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, a := range s.atoms {
		x0, y0, x1, y1 = min(x0, a.Place.X), min(y0, a.Place.Y), max(x1, a.Place.X), max(y1, a.Place.Y)
	}
	scale := 204 / max(x1-x0, y1-y0, 1e-9)
	for i := range s.atoms {
		p := &s.atoms[i].Place
		*p = Place{10 + (p.X-x0)*scale, 10 + (p.Y-y0)*scale}
	}
}
