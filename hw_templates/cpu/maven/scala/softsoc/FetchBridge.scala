package softsoc

import spinal.core._
import spinal.lib._
import spinal.lib.bus.wishbone.Wishbone
import vexriscv.plugin.IBusSimpleBus

/** Connects a fetch unit without cache to Wishbone and lets go of the bus now and then.
  *
  * LiteX's arbiter changes its mind only while CYC is low. A tight loop would hold CYC for ever and starve the stores
  * of the same core, so the bridge drops CYC for one cycle after every 16th acknowledge. (To do so whenever the
  * data bus waits was tried: no quicker.)
  *
  * Commands and answers pass registers. The fetch unit has as many commands on their way as a memory that answers
  * through registers takes cycles (`busLatencyMin`); while one is on the bus and the next word is waited for already,
  * the bus is told so (CTI), and such a memory gives a word every cycle. A jump waits for those that are under way.
  */
object FetchBridge {
  val acknowledgesPerTurn = 16
  val slots = 3
  private val burst = 5 downto 2 // of an address: no burst leaves 64 aligned bytes

  def apply(fetch: IBusSimpleBus): Wishbone = {
    val bus = Wishbone(IBusSimpleBus.getWishboneConfig())
    val turn = Counter(acknowledgesPerTurn)
    val taken = bus.CYC && bus.ACK
    val pause = RegNext(taken && turn.willOverflowIfInc) init (False)
    when(taken) { turn.increment() }

    // Commands in their order, the first one on the bus.
    val waiting = Vec.tabulate(slots)(_ => Reg(Flow(UInt(32 bits))))
    waiting.foreach(_.valid.init(False))
    val empty = Flow(UInt(32 bits))
    empty.valid := False
    empty.payload.assignDontCare()
    fetch.cmd.ready := !waiting.last.valid
    val leaves = taken || !waiting.head.valid
    var room = True
    for ((slot, next) <- waiting.zip(waiting.tail :+ empty)) {
      val kept = leaves ? next | slot
      slot.valid := kept.valid || (room && fetch.cmd.fire)
      slot.payload := kept.valid ? kept.payload | fetch.cmd.pc
      room = kept.valid
    }
    val Seq(first, second) = waiting.take(2).map(_.payload)
    val goesOn = waiting(1).valid && !turn.willOverflowIfInc &&
      second(31 downto burst.max + 1) === first(31 downto burst.max + 1) &&
      second(burst).resize(5) === first(burst) +^ 1

    bus.CYC := waiting.head.valid && !pause
    bus.STB := bus.CYC
    bus.ADR := first >> 2
    bus.CTI := goesOn ? B"010" | B"111"
    bus.BTE := B"00"
    bus.SEL := B"1111"
    bus.WE := False
    bus.DAT_MOSI := 0

    fetch.rsp.valid := RegNext(taken) init (False)
    fetch.rsp.inst := RegNext(bus.DAT_MISO)
    fetch.rsp.error := False
    bus
  }
}
