package softsoc

import spinal.core._
import spinal.lib._
import spinal.lib.bus.wishbone.Wishbone
import vexriscv.plugin.DBusSimpleBus

/** Connects a core without data cache to Wishbone; its loads end one cycle after their acknowledge.
  *
  * Every stage of the core waits for a load. Without the register that wait would begin at the memory, and go through
  * bus and core back to the fetch unit in one cycle. Stores do not wait.
  */
object DataBridge {
  def apply(data: DBusSimpleBus): Wishbone = {
    val answered = DBusSimpleBus()
    answered.cmd << data.cmd
    data.rsp.ready := RegNext(answered.rsp.ready) init (False)
    data.rsp.data := RegNext(answered.rsp.data)
    data.rsp.error := False
    answered.toWishbone()
  }
}
