package main

import "strings"

// cutHeading divides a column's text into its first line and the rest.
func cutHeading(s string) (heading, text string, found bool) {
	return strings.Cut(strings.TrimSpace(s), "\n")
}

const letterText = `Dear Mr Hallam,

Thank you for your letter of 12 February about the schooner Persephone. I have gone through the arrival books for the years 1893 to 1911, and I am glad to say that your grandfather's ship is named in them no fewer than nineteen times.

She was built at Port Arran in 1888, measured 142 tons, and carried mostly slate, timber and salted fish. The entry for 7 November 1899 notes that she lost her foremast in a gale off Carrick Head and was towed in by the steam tug Dauntless. Repairs took five weeks and cost 86 pounds.

Copies of all entries can be made for 40 pence a page. If you wish to see the books themselves, the reading room is open from Monday to Thursday between 9.30 and 16.00. Please bring proof of your address, and write to us at least three days before you come.

Yours sincerely,`

const surveyText = `The northern pier was examined at low water on 4 and 5 August. Of its 126 oak piles, 31 are soft below the tide line and nine have lost more than a third of their thickness. The stone apron has settled by 8 cm at the seaward end, where the current runs fastest.

No part of the structure is in danger of failing this winter, but heavy loads should be kept away from the outer third until the piles have been replaced.`

var surveyTable = [][]string{
	{"Section", "Piles", "Soft", "Replace"},
	{"Landing stage", "38", "4", "1"},
	{"Middle walk", "52", "11", "3"},
	{"Outer third", "36", "16", "5"},
}

const surveyEnd = `We propose to begin in April with the outer third, using larch from the Glenmoor estate. The work needs two divers, one crane barge and about seven weeks of fair weather. A sum of 18,400 should be set aside, with a tenth of that again for what cannot be seen.`

var receiptRows = [][2]string{
	{"Brown bread 800g", "1.85"}, {"Butter 250g", "2.40"}, {"2 x Oat milk", "3.10"}, {"Tomatoes 0.642kg", "1.92"},
	{"Strong cheddar", "4.75"}, {"Free range eggs", "2.65"}, {"Coffee beans", "6.20"}, {"Discount", "-0.80"},
}

var receiptSums = [][2]string{{"TOTAL", "22.07"}, {"Card ****4417", "22.07"}, {"VAT 5%", "1.05"}, {"Items", "9"}}

const bulletinLeft = `A bridge for walkers
After eleven years of letters, meetings and one very wet petition, the council has agreed to build a footbridge over the Linn at Fuller's Meadow. It will be made of steel and green oak, 46 metres long and wide enough for two prams to pass.

Work starts in February. Until then the stepping stones remain open, but only when the river gauge stands below 60 cm. Dogs are said to prefer the stones.

The bridge will cost 312,000, of which a third was collected by the people of the town through fairs, raffles and a sponsored swim.`

const bulletinRight = `The clock is right again
For the first time since 1974 all four faces of the market clock show the same hour. Jonas Petrie, who is 71 and has wound it every Friday since he was a boy, found that a jackdaw's nest had been resting on the western hand.

"I always blamed the damp," he said. The birds have been given a box on the roof of the bank, and seem pleased with the exchange.

Readers who set their watches by the eastern face are asked to move them forward by six minutes.`

var invoiceTop = []string{
	"Brindle and Sons, Joiners", "5 Tannery Court", "Lindmere LM2 8QX", "To: St Olave's School, Hill Road",
}

var invoiceTable = [][]string{
	{"Work done", "Hours", "Rate", "Amount"},
	{"Sash windows, repair", "14", "32.00", "448.00"},
	{"Oak threshold, new", "3.5", "32.00", "112.00"},
	{"Shelves for room 12", "9", "28.50", "256.50"},
	{"Materials", "-", "-", "173.20"},
	{"Total due", "", "", "989.70"},
}

const invoiceEnd = `Please pay within 30 days to account 00418832, sort code 20-55-71, and quote the number of this invoice. We guarantee our joints for ten years. Offcuts have been left in the boiler room for the art class, as agreed with the caretaker.`

const minutesText = `Present: Mrs Abara (chair), Mr Dunn, Miss Okafor, Dr Lindqvist, Mr Rowe. Apologies were received from Mr Singh.

1. The minutes of the last meeting were read and signed. Mr Dunn asked that the word "leaking" be put in place of "lively" in the passage about the roof.

2. The roof. Three offers have come in, between 7,950 and 12,300. The committee chose the second, from Hartley Roofing, on condition that the work be finished before the first frost.

3. Opening hours. From January the library will stay open until 8 pm on Wednesdays. Miss Okafor will find two volunteers.

4. Lost books. Of the 214 volumes missing at the spring count, 97 have returned, most of them by night and without a note.

The meeting closed at 9.10 pm. Next meeting: 3 November.`

const handbookOne = `Most old papers are lost not to fire or flood but to small, slow causes: a damp wall, a sunny window, a steel clip left to rust. The good news is that small, slow care is enough to stop them. This handbook is meant for parish rooms, clubs and family collections that have no conservator and little money.

Begin by making a list. Write down what you have, where it lies, and in what state it is. One line for each box will do. A list made in an afternoon is worth more than a catalogue that is never finished, and it tells you at once which shelf to look after first.

Keep the room between 13 and 18 degrees, and the humidity between 35 and 60 per cent. What matters most is that both change slowly. A cool cupboard in the middle of the house is better than an attic or a cellar, however tidy these may be.

Handle papers with clean, dry hands. Gloves are seldom needed, and they make it harder to feel the edge of a page. Use a pencil, never a pen. Do not lick your fingers, and do not mend a tear with adhesive tape: it will be gone in twenty years, but its stain will not.`

const handbookLeft = `Boxes and folders
Choose boxes of plain, acid-free board with a lid that can be lifted off. Fill them so that the papers neither slump nor have to be forced.

Place no more than 25 sheets in one folder. Take out pins, clips and rubber bands first; if sheets belong together, fold a strip of good paper around them.

Large maps lie flat or are rolled around the outside of a wide tube, never inside it.`

const handbookRight = `Light and pests
Light fades ink and makes paper brittle, and the harm adds up over the years. Draw the blinds, and show copies instead of originals.

Silverfish and woodworm like what is dark, damp and undisturbed. Look behind the boxes every spring. Fine dust below a shelf, or holes of 2 mm, mean that somebody lives there.

Freeze what is infested for a fortnight at -20 degrees, wrapped in plastic, and let it thaw inside its wrapping.`

const handbookThree = `Once a year, on the same day, go through these points. It takes an hour for a room with forty boxes.

Is the list still right? Has anything been lent, and has it come back? Are there new stains on the ceiling? Do the doors close? Is there a torch that works? Does somebody else know where the key is?`

var handbookTable = [][]string{
	{"Task", "How often", "Minutes"},
	{"Read the thermometer", "weekly", "2"},
	{"Dust the shelves", "monthly", "45"},
	{"Look for insects", "quarterly", "30"},
	{"Compare with the list", "yearly", "60"},
}

const ledgerOne = `Taken on 30 June by R. Voss and H. Tait. All amounts were counted twice. Goods of the harvest festival are not included.`

var ledgerTable = [][]string{
	{"Goods", "Counted", "Booked"},
	{"Candles, white", "340", "352"},
	{"Lamp oil, litres", "18", "18"},
	{"Rope, metres", "95", "110"},
	{"Brass hooks", "64", "60"},
	{"Paint, grey", "7", "9"},
}

const ledgerTwo = `The twelve missing candles were found in the vestry. Fifteen metres of rope were lent to the sailing club on 2 May; see the slip in the tin. Nobody knows where the four additional hooks come from, but they are of better quality than ours and will be kept.

The grey paint was used for the fence, and the book has been corrected.

Signed: R. Voss, H. Tait
Checked: M. Osei, 4 July`

const noticeText = `The bridge will be closed to all vehicles while the deck is renewed. Buses on route 7 will turn at Orchard Street. Walkers may cross by the temporary path on the upstream side between 6 am and 10 pm.

Emergency services have been informed. Deliveries to the mill should use the gate in Cooper Lane, which is 3.2 metres wide.`

const noticeSmall = `Issued under section 14 of the Roads Order by the District Engineer, Room 208, Town Hall. Objections must be made in writing before 2 April. This notice was printed on recycled paper.`

const archiveText = `I, Clara Wilhelmina Stroud, of Beacon House in the parish of Lindmere, give to the Historical Society of the said town, freely and without condition, the following: my late husband's collection of tide tables, bound in 22 volumes; the barometer that hangs in the hall; and all letters addressed to him by the Commissioners of Lighthouses between 1921 and 1948.

I ask, but do not require, that the barometer be tapped each morning, as it has been for sixty years, and that its reading be written down.

It is my wish that the letters be open to every person who wants to read them, whether or not they are members of the Society, and that no fee be charged.

Given under my hand this ninth day of January 1962, in the presence of two witnesses.`

const labelText = `Lindmere Choral Society
Programmes and photographs, 1926 to 1958
Given by Mrs A. Pettigrew

Fragile: glass negatives at the bottom. Do not stack. Last checked on 21/11/2016 by K.B.`
