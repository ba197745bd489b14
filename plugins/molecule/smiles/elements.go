package smiles

// element is what the reader knows about a chemical element.
type element struct {
	symbol string
	weight float64 // standard atomic weight; for elements without a stable isotope the mass number of a long-lived one
	common int     // mass number of the most abundant isotope
	outer  int     // electrons of the outer shell
	// valences lists the sums of bond orders that the neutral atom takes, in
	// ascending order; the first is the usual one. It is empty for metals, of
	// which nothing is demanded, and unlimited says that the list is only what
	// is usual.
	valences  []int
	unlimited bool
}

// elements is indexed by atomic number; 0 is the wildcard. The weights are the
// standard atomic weights of IUPAC to three decimals. Where IUPAC gives an
// interval, as for hydrogen, boron, silicon, sulfur and chlorine, the value
// lies in it; for zinc, germanium, selenium, krypton, molybdenum, neodymium,
// erbium and ytterbium it is that of the revision of 1995, which chemical
// databases still count with, so that masses compare equal.
var elements = [...]element{
	{symbol: "*"},
	{"H", 1.008, 1, 1, []int{1}, false},
	{"He", 4.003, 4, 2, []int{0}, false},
	{"Li", 6.941, 7, 1, []int{1}, true},
	{"Be", 9.012, 9, 2, []int{2}, false},
	{"B", 10.812, 11, 3, []int{3}, false},
	{"C", 12.011, 12, 4, []int{4}, false},
	{"N", 14.007, 14, 5, []int{3}, false},
	{"O", 15.999, 16, 6, []int{2}, false},
	{"F", 18.998, 19, 7, []int{1}, false},
	{"Ne", 20.18, 20, 8, []int{0}, false},
	{"Na", 22.99, 23, 1, []int{1}, true},
	{"Mg", 24.305, 24, 2, []int{2}, true},
	{"Al", 26.982, 27, 3, []int{3}, false},
	{"Si", 28.086, 28, 4, []int{4}, false},
	{"P", 30.974, 31, 5, []int{3, 5}, false},
	{"S", 32.067, 32, 6, []int{2, 4, 6}, false},
	{"Cl", 35.453, 35, 7, []int{1}, false},
	{"Ar", 39.948, 40, 8, []int{0}, false},
	{"K", 39.098, 39, 1, []int{1}, true},
	{"Ca", 40.078, 40, 2, []int{2}, true},
	{"Sc", 44.956, 45, 3, nil, true},
	{"Ti", 47.867, 48, 4, nil, true},
	{"V", 50.942, 51, 5, nil, true},
	{"Cr", 51.996, 52, 6, nil, true},
	{"Mn", 54.938, 55, 7, nil, true},
	{"Fe", 55.845, 56, 8, nil, true},
	{"Co", 58.933, 59, 9, nil, true},
	{"Ni", 58.693, 58, 10, nil, true},
	{"Cu", 63.546, 63, 11, nil, true},
	{"Zn", 65.39, 64, 2, nil, true},
	{"Ga", 69.723, 69, 3, []int{3}, false},
	{"Ge", 72.61, 74, 4, []int{4}, false},
	{"As", 74.922, 75, 5, []int{3, 5}, false},
	{"Se", 78.96, 80, 6, []int{2, 4, 6}, false},
	{"Br", 79.904, 79, 7, []int{1}, false},
	{"Kr", 83.8, 84, 8, []int{0}, false},
	{"Rb", 85.468, 85, 1, []int{1}, true},
	{"Sr", 87.62, 88, 2, []int{2}, true},
	{"Y", 88.906, 89, 3, nil, true},
	{"Zr", 91.224, 90, 4, nil, true},
	{"Nb", 92.906, 93, 5, nil, true},
	{"Mo", 95.94, 98, 6, nil, true},
	{"Tc", 98, 97, 7, nil, true},
	{"Ru", 101.07, 102, 8, nil, true},
	{"Rh", 102.906, 103, 9, nil, true},
	{"Pd", 106.42, 106, 10, nil, true},
	{"Ag", 107.868, 107, 11, nil, true},
	{"Cd", 112.412, 114, 2, nil, true},
	{"In", 114.818, 115, 3, []int{3}, false},
	{"Sn", 118.711, 120, 4, []int{2, 4}, false},
	{"Sb", 121.76, 121, 5, []int{3, 5}, false},
	{"Te", 127.6, 130, 6, []int{2, 4, 6}, false},
	{"I", 126.904, 127, 7, []int{1, 3, 5}, false},
	{"Xe", 131.29, 132, 8, []int{0, 2, 4, 6}, false},
	{"Cs", 132.905, 133, 1, []int{1}, false},
	{"Ba", 137.328, 138, 2, []int{2}, true},
	{"La", 138.906, 139, 3, nil, true},
	{"Ce", 140.116, 140, 4, nil, true},
	{"Pr", 140.908, 141, 3, nil, true},
	{"Nd", 144.24, 142, 4, nil, true},
	{"Pm", 145, 145, 5, nil, true},
	{"Sm", 150.36, 152, 6, nil, true},
	{"Eu", 151.964, 153, 7, nil, true},
	{"Gd", 157.25, 158, 8, nil, true},
	{"Tb", 158.925, 159, 9, nil, true},
	{"Dy", 162.5, 164, 10, nil, true},
	{"Ho", 164.93, 165, 11, nil, true},
	{"Er", 167.26, 166, 12, nil, true},
	{"Tm", 168.934, 169, 13, nil, true},
	{"Yb", 173.04, 174, 14, nil, true},
	{"Lu", 174.967, 175, 15, nil, true},
	{"Hf", 178.49, 180, 4, nil, true},
	{"Ta", 180.948, 181, 5, nil, true},
	{"W", 183.84, 184, 6, nil, true},
	{"Re", 186.207, 187, 7, nil, true},
	{"Os", 190.23, 192, 8, nil, true},
	{"Ir", 192.217, 193, 9, nil, true},
	{"Pt", 195.078, 195, 10, nil, true},
	{"Au", 196.967, 197, 11, nil, true},
	{"Hg", 200.59, 202, 2, nil, true},
	{"Tl", 204.383, 205, 3, nil, true},
	{"Pb", 207.2, 208, 4, []int{2, 4}, false},
	{"Bi", 208.98, 209, 5, []int{3, 5}, false},
	{"Po", 209, 209, 6, []int{2, 4, 6}, false},
	{"At", 210, 210, 7, []int{1, 3, 5}, false},
	{"Rn", 222, 222, 8, []int{0}, false},
	{"Fr", 223, 223, 1, []int{1}, false},
	{"Ra", 226, 226, 2, []int{2}, true},
	{"Ac", 227, 227, 3, nil, true},
	{"Th", 232.038, 232, 4, nil, true},
	{"Pa", 231.036, 231, 3, nil, true},
	{"U", 238.029, 238, 4, nil, true},
	{"Np", 237, 236, 5, nil, true},
	{"Pu", 244, 238, 6, nil, true},
	{"Am", 243, 241, 7, nil, true},
	{"Cm", 247, 243, 8, nil, true},
	{"Bk", 247, 247, 9, nil, true},
	{"Cf", 251, 249, 10, nil, true},
	{"Es", 252, 252, 11, nil, true},
	{"Fm", 257, 257, 12, nil, true},
	{"Md", 258, 258, 13, nil, true},
	{"No", 259, 259, 14, nil, true},
	{"Lr", 262, 262, 15, nil, true},
	{"Rf", 267, 267, 2, nil, true},
	{"Db", 268, 268, 2, nil, true},
	{"Sg", 269, 271, 2, nil, true},
	{"Bh", 270, 270, 2, nil, true},
	{"Hs", 269, 269, 2, nil, true},
	{"Mt", 278, 278, 2, nil, true},
	{"Ds", 281, 281, 2, nil, true},
	{"Rg", 281, 281, 2, nil, true},
	{"Cn", 285, 285, 2, nil, true},
	{"Nh", 284, 284, 2, nil, true},
	{"Fl", 289, 289, 2, nil, true},
	{"Mc", 288, 288, 2, nil, true},
	{"Lv", 293, 293, 2, nil, true},
	{"Ts", 292, 292, 2, nil, true},
	{"Og", 294, 294, 2, nil, true},
}

// numbers finds an element by its symbol.
var numbers = func() map[string]int {
	m := make(map[string]int, len(elements))
	for z, e := range elements[1:] {
		m[e.symbol] = z + 1
	}
	return m
}()

// heaviest is the last atomic number.
const heaviest = len(elements) - 1

// electron is the mass of an electron in unified atomic mass units.
const electron = 0.000548579909

// metal reports whether an element can take an electron pair from a donor as
// metals do.
func metal(z int) bool {
	switch {
	case z <= 2, z >= 5 && z <= 10, z >= 14 && z <= 18, z >= 32 && z <= 36, z >= 51 && z <= 54, z >= 85 && z <= 86:
		return false
	}
	return true
}

// effective is the atomic number of the uncharged element with as many
// electrons, whose valences a charged atom takes.
func effective(z, charge int) int { return max(0, min(heaviest, z-charge)) }

// moreElectronegative reports whether element a draws electrons from b, by the
// number of outer electrons and then by the shell.
func moreElectronegative(a, b int) bool {
	if elements[a].outer != elements[b].outer {
		return elements[a].outer > elements[b].outer
	}
	return a < b
}
