# Another node of the cluster: it evaluates each line that it reads, and prints the result in a line.
#
# elixir -r coordinators.exs peer.exs NODE

defmodule Echo do
  use GenServer

  def init(state), do: {:ok, state}
  def handle_call({:crash, reason}, _from, state), do: {:stop, reason, state}
  def handle_call(:never, _from, state), do: {:noreply, state}
  def handle_call(request, _from, state), do: {:reply, request, state}
  def handle_cast(request, state), do: {:noreply, [request | state]}
  def handle_info(message, state), do: {:noreply, [message | state]}
end

defmodule Peer do
  def loop(bindings) do
    case IO.gets("") do
      line when is_binary(line) ->
        {result, bindings} =
          try do
            Code.eval_string(line, bindings)
          catch
            kind, reason -> {{kind, reason}, bindings}
          end

        IO.puts(inspect(result, limit: :infinity, printable_limit: :infinity, width: :infinity))
        loop(bindings)

      _ ->
        :ok
    end
  end
end

Logger.remove_backend(:console)
[node] = System.argv()
{:ok, _} = Node.start(String.to_atom(node), :longnames)
Process.flag(:trap_exit, true)
IO.puts("ready")
Peer.loop([])
