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
  * Commands and answers pass registers. The fetch unit has two commands on their way (`busLatencyMin`); while one is on
  * the bus and the next word is waited for already, the bus is told so (CTI), and a memory that answers through a
  * register gives a word every other cycle nevertheless. A jump waits for those that are under way.
  */
object FetchBridge {
  val acknowledgesPerTurn = 16
  private val burst = 5 downto 2 // of an address: no burst leaves 64 aligned bytes

  def apply(fetch: IBusSimpleBus): Wishbone = {
    val bus = Wishbone(IBusSimpleBus.getWishboneConfig())
    val turn = Counter(acknowledgesPerTurn)
    val taken = bus.CYC && bus.ACK
    val pause = RegNext(taken && turn.willOverflowIfInc) init (False)
    when(taken) { turn.increment() }

    val first, second = new Area {
      val valid = RegInit(False)
      val pc = Reg(UInt(32 bits))
    }
    fetch.cmd.ready := !second.valid
    when(taken || !first.valid) {
      first.valid := second.valid || fetch.cmd.valid
      first.pc := second.valid ? second.pc | fetch.cmd.pc
      second.valid := False
    } elsewhen (fetch.cmd.fire) {
      second.valid := True
      second.pc := fetch.cmd.pc
    }
    val goesOn = second.valid && !turn.willOverflowIfInc &&
      second.pc(31 downto burst.max + 1) === first.pc(31 downto burst.max + 1) &&
      second.pc(burst).resize(5) === first.pc(burst) +^ 1

    bus.CYC := first.valid && !pause
    bus.STB := bus.CYC
    bus.ADR := first.pc >> 2
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
